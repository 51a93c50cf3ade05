import { clockMs } from '../clock.ts';
import type { Envelope } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { isPassing, LinkError, linkErrors } from '../link/errors.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import { partOf, replyOf, requestFrame } from '../link/request.ts';
import type { EchoTarget } from '../link/transfer.ts';
import { findBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { AwaitedReply } from './awaited-reply.ts';
import { producerErrors } from './errors.ts';
import { untilAnswered } from './retry.ts';
import { stoppedBroker } from './stopped-broker.ts';

/** Reasons after which the broker may accept the request next time. */
const PASSING_REASONS: ReadonlySet<Reason> = new Set([Reason.Damaged, Reason.Full]);

/** The broker that was found is not there any more, and got no bit: another may be. */
const UNASKED: ReadonlySet<string> = new Set(['unsafe-target', 'not-echo']);

/** How long to wait for room in the runtime directory, or for a broker that is stopped: somebody has to act; ms. */
const STUCK_MS = 5000;

/** Asks the broker of a runtime directory and waits for its answers (docs/protocol.md, section 8). */
export class Requester {
  readonly #dir: string;
  readonly #table: ProcessTable;
  readonly #endpoint: Endpoint;
  readonly #waiting = new Map<number, AwaitedReply>();
  /** Of this process: replies name no other part of it. */
  static #number = 0;
  #isClosed = false;

  constructor(dir: string, table: ProcessTable, endpoint: Endpoint) {
    this.#dir = dir;
    this.#table = table;
    this.#endpoint = endpoint;
  }

  /** Whether a control frame is of a reply that this one is waiting for. */
  expects({ fields: { ref } }: Envelope): boolean {
    return ref !== undefined && this.#waiting.has(ref);
  }

  /** Receives a control frame. */
  judge(envelope: Envelope): Verdict {
    const part = partOf(envelope);
    // Nobody is waiting for it any more, so the rest need not come.
    if (part) return this.#waiting.get(part.number)?.takePart(part) ?? Reason.Unknown;
    const reply = replyOf(envelope);
    if (!reply) return Reason.Unsupported;
    this.#waiting.get(reply.number)?.take(reply.content);
    return 0;
  }

  /** @throws SigmqError no broker, no answer, or what the broker says; the reason of `signal` */
  async ask<T>(content: unknown, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw linkErrors.closed();
    const number = ++Requester.#number;
    const reply = new AwaitedReply(signal);
    this.#waiting.set(number, reply);
    try {
      const frame = requestFrame({ number, content });
      const asking = this.#send(frame, reply.signal).then((broker) =>
        reply.watch(broker, this.#table),
      );
      const [answer] = await Promise.all([reply.content, asking]);
      // Any process of this user could have sent it.
      const { ok, error, exit } = (answer ?? {}) as Readonly<Record<string, unknown>>;
      if (typeof error === 'string') throw producerErrors.request(error, exit);
      return ok as T;
    } finally {
      reply.end();
      this.#waiting.delete(number);
    }
  }

  /** What is not answered by now is not waited for. */
  close(): void {
    this.#isClosed = true;
    for (const reply of this.#waiting.values()) reply.giveUp(linkErrors.closed());
  }

  #send(frame: Uint8Array, signal: AbortSignal): Promise<EchoTarget> {
    const { echo } = this.#endpoint;
    const attempt = async (): Promise<EchoTarget | undefined> => {
      const broker = findBroker(this.#dir, this.#table);
      if (broker.kind !== 'echo' || !echo) throw producerErrors.plainRequest();
      const outcome = await echo.withBus(
        (channel) => channel.send(broker, frame, { signal }),
        signal,
      );
      if (outcome.kind === 'accepted') return broker;
      if (outcome.kind === 'refused' && !PASSING_REASONS.has(outcome.reason)) {
        throw producerErrors.refused(outcome.reason);
      }
      return undefined;
    };
    let stuckAt: number | undefined;
    const passes = (error: unknown) => {
      if (!(error instanceof LinkError)) return false;
      const { code } = error;
      const stopped = code === 'peer-stalled' ? stoppedBroker(this.#dir, this.#table) : undefined;
      stuckAt = code === 'bus-full' || stopped !== undefined ? (stuckAt ?? clockMs()) : undefined;
      const isOver = stuckAt !== undefined && clockMs() - stuckAt > STUCK_MS;
      if (isOver && stopped !== undefined) throw producerErrors.brokerStopped(stopped);
      return !isOver && (UNASKED.has(code) || isPassing(error));
    };
    return untilAnswered(attempt, passes, signal);
  }
}
