import { setTimeout as sleep } from 'node:timers/promises';
import { decodeFrame } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { Endpoint, Receiver } from '../link/endpoint.ts';
import { LinkError } from '../link/errors.ts';
import { replyOf, requestFrame } from '../link/request.ts';
import type { Inspection, QueueCounts, Selection, Stored } from '../queue/store.ts';
import { findBroker } from '../registry/broker-file.ts';
import { type ProcessTable, processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { openClientEndpoint } from './client-endpoint.ts';
import { producerErrors } from './errors.ts';

/** A large answer takes some seconds on the wire, and the bus may be busy; ms. */
const PATIENCE_MS = 30_000;
/** Pause before a request is sent again; ms. */
const RETRY_MS = 50;

/**
 * Looks into the broker of a runtime directory, and changes what waits there. Requests and answers are
 * signals, as everything else.
 *
 * @example
 * const inspector = Inspector.open();
 * console.log(await inspector.counts());
 * await inspector.close();
 */
export class Inspector implements Inspection {
  readonly #dir: string;
  readonly #table: ProcessTable;
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly #waiting = new Map<number, (content: unknown) => void>();
  #number = 0;

  /** @throws SigmqError no-broker, one-receiver */
  static open({ dir }: { readonly dir?: string | undefined } = {}): Inspector {
    const path = openRuntimeDir({ dir, env: process.env, create: false });
    const table = processTable();
    findBroker(path, table);
    return new Inspector(path, table);
  }

  private constructor(dir: string, table: ProcessTable) {
    this.#dir = dir;
    this.#table = table;
    this.#receiver = {
      onFrame: (_sender, frame) => {
        const decoded = decodeFrame(frame);
        if (decoded.kind !== 'envelope') return Reason.Damaged;
        const reply = replyOf(decoded.envelope);
        if (!reply) return Reason.Unsupported;
        this.#waiting.get(reply.number)?.(reply.content);
        return 0;
      },
      onPlain: () => {},
      onBug: () => {},
    };
    this.#endpoint = openClientEndpoint(dir, table, this.#receiver);
  }

  status<T>(): Promise<T> {
    return this.#ask({ op: 'status' });
  }

  counts(): Promise<QueueCounts[]> {
    return this.#ask({ op: 'counts' });
  }

  async peek(queue: string, selection: Selection = {}): Promise<Stored[]> {
    const found = await this.#ask<(Omit<Stored, 'body'> & { body: string })[]>({
      op: 'peek',
      queue,
      ...selection,
    });
    return found.map((message) => ({ ...message, body: Buffer.from(message.body, 'base64') }));
  }

  purge(queue: string, selection: Selection = {}): Promise<number> {
    return this.#ask({ op: 'purge', queue, ...selection });
  }

  kick(queue: string, selection: Selection = {}): Promise<number> {
    return this.#ask({ op: 'kick', queue, ...selection });
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    await this.#ask({ op: 'pause', queue, paused });
  }

  /** The broker takes no more messages, and stops when it has given out those that it has. */
  async drain(): Promise<void> {
    await this.#ask({ op: 'drain' });
  }

  /** The broker shuts down as by SIGTERM. */
  async stop(): Promise<void> {
    await this.#ask({ op: 'stop' });
  }

  async close(): Promise<void> {
    await this.#endpoint.close(this.#receiver);
  }

  async #ask<T>(content: unknown): Promise<T> {
    const number = ++this.#number;
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(producerErrors.noAnswer()), PATIENCE_MS);
    try {
      const answer = new Promise<unknown>((resolve, reject) => {
        this.#waiting.set(number, resolve);
        timeout.signal.addEventListener('abort', () => reject(timeout.signal.reason));
      });
      const [, reply] = await Promise.all([
        this.#send(requestFrame({ number, content }), timeout.signal),
        answer,
      ]);
      const { ok, error } = reply as { ok?: unknown; error?: string };
      if (error !== undefined) throw producerErrors.request(error);
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
        if (outcome.kind === 'refused' && outcome.reason !== Reason.Damaged) {
          throw producerErrors.refused(outcome.reason);
        }
      } catch (error) {
        if (!(error instanceof LinkError) || error.code === 'peer-gone') throw error;
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}
