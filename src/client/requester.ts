import type { Envelope } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import { replyOf, requestFrame } from '../link/request.ts';
import { findBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-table.ts';
import { producerErrors } from './errors.ts';
import { pause } from './retry.ts';

/** A large answer takes some seconds on the wire, and the bus may be busy; ms. */
const PATIENCE_MS = 30_000;
/** Reasons after which the broker may take the request the next time. */
const PASSING: ReadonlySet<Reason> = new Set([Reason.Damaged, Reason.Full]);

/** Asks the broker of a runtime directory and waits for its answers (docs/protocol.md, section 8). */
export class Requester {
  readonly #dir: string;
  readonly #table: ProcessTable;
  readonly #endpoint: Endpoint;
  readonly #waiting = new Map<number, (content: unknown) => void>();
  #number = 0;

  constructor(dir: string, table: ProcessTable, endpoint: Endpoint) {
    this.#dir = dir;
    this.#table = table;
    this.#endpoint = endpoint;
  }

  /** Takes a control frame. */
  judge(envelope: Envelope): Verdict {
    const reply = replyOf(envelope);
    if (!reply) return Reason.Unsupported;
    this.#waiting.get(reply.number)?.(reply.content);
    return 0;
  }

  /** @throws SigmqError no broker, no answer, or what the broker says */
  async ask<T>(content: unknown): Promise<T> {
    const number = ++this.#number;
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(producerErrors.noAnswer()), PATIENCE_MS);
    try {
      const answer = new Promise<unknown>((resolve, reject) => {
        this.#waiting.set(number, resolve);
        timeout.signal.addEventListener('abort', () => reject(timeout.signal.reason));
      });
      const frame = requestFrame({ number, content });
      const [, reply] = await Promise.all([this.#send(frame, timeout.signal), answer]);
      // Any process of this user could have sent it.
      const { ok, error } = (reply ?? {}) as { ok?: unknown; error?: unknown };
      if (typeof error === 'string') throw producerErrors.request(error);
      return ok as T;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(number);
    }
  }

  async #send(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    for (;;) {
      const broker = findBroker(this.#dir, this.#table);
      const { echo } = this.#endpoint;
      if (broker.kind !== 'echo' || !echo) throw producerErrors.plainRequest();
      try {
        const outcome = await echo.withBus(
          (channel) => channel.send(broker, frame, { signal }),
          signal,
        );
        if (outcome.kind === 'accepted') return;
        if (outcome.kind === 'refused' && !PASSING.has(outcome.reason)) {
          throw producerErrors.refused(outcome.reason);
        }
      } catch (error) {
        if (!(error instanceof LinkError) || error.code === 'peer-gone') throw error;
      }
      await pause(signal);
    }
  }
}
