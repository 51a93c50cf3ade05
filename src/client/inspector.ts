import { decodeFrame } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { Endpoint, Receiver } from '../link/endpoint.ts';
import { MAX_CHANGES, MAX_QUEUES_TOLD, MAX_ROWS } from '../link/request.ts';
import { checkNamed } from '../options/kind.ts';
import { flag, queueName } from '../options/kinds.ts';
import { chunks, messagesOf } from '../queue/looking.ts';
import type { Inspection, QueueCounts, Selection, Stored } from '../queue/store.ts';
import { findBroker } from '../registry/broker-file.ts';
import { type ProcessTable, processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { warn } from '../warning.ts';
import { openClientEndpoint } from './client-endpoint.ts';
import { checkInspector, checkSelected } from './options.ts';
import { Requester } from './requester.ts';

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
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly #requester: Requester;
  #closed: Promise<void> | undefined;

  /** @throws SigmqError no-broker, one-receiver */
  static open(options: { readonly dir?: string | undefined } = {}): Inspector {
    checkInspector(options);
    const { dir } = options;
    const path = openRuntimeDir({ dir, env: process.env, create: false });
    const table = processTable();
    findBroker(path, table);
    return new Inspector(path, table);
  }

  private constructor(dir: string, table: ProcessTable) {
    this.#receiver = {
      onFrame: (_sender, frame) => {
        const decoded = decodeFrame(frame);
        if (decoded.kind !== 'envelope') return Reason.Damaged;
        return this.#requester.judge(decoded.envelope);
      },
      onPlain: () => {},
      onBug: warn,
    };
    this.#endpoint = openClientEndpoint(dir, table, this.#receiver);
    this.#requester = new Requester(dir, table, this.#endpoint);
  }

  /** What the broker says of itself, and of its queues in `queues`. */
  async status<T>(): Promise<T> {
    const status = await this.#requester.ask<object>({ op: 'status' });
    return { ...status, queues: await this.#queues({ op: 'queues' }) } as T;
  }

  /** Ids of the messages that this process sent last, in one hold of the bus; empty: not known any more. */
  lastIds(): Promise<number[]> {
    return this.#requester.ask({ op: 'ids' });
  }

  counts(): Promise<QueueCounts[]> {
    return this.#queues({ op: 'counts' });
  }

  async peek(queue: string, selection: Selection = {}): Promise<Stored[]> {
    checkSelected(queue, selection);
    const found: Stored[] = [];
    for await (const message of messagesOf({ peek: this.#peekSome }, queue, selection)) {
      found.push(message);
    }
    return found;
  }

  async purge(queue: string, selection: Selection = {}): Promise<number> {
    checkSelected(queue, selection);
    return this.#change({ op: 'purge', queue }, selection);
  }

  async kick(queue: string, selection: Selection = {}): Promise<number> {
    checkSelected(queue, selection);
    return this.#change({ op: 'kick', queue }, selection);
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    checkNamed('queue', queue, queueName);
    checkNamed('paused', paused, flag);
    await this.#requester.ask({ op: 'pause', queue, paused });
  }

  /**
   * The broker takes no more messages, and stops when it has given out those that it has.
   * @param paused also those in paused queues, which else stay in its store
   * @returns what it waits for
   */
  async drain<T>({ paused = false }: { readonly paused?: boolean | undefined } = {}): Promise<T> {
    checkNamed('paused', paused, flag);
    return this.#requester.ask({ op: 'drain', paused });
  }

  /** The broker takes messages again. @returns false: it was not draining */
  cancelDrain(): Promise<boolean> {
    return this.#requester.ask({ op: 'drain', cancel: true });
  }

  /** The broker shuts down as by SIGTERM. */
  async stop(): Promise<void> {
    await this.#requester.ask({ op: 'stop' });
  }

  /** Once or more often; others in this process that use the signals go on. */
  close(): Promise<void> {
    this.#closed ??= this.#endpoint.close(this.#receiver);
    return this.#closed;
  }

  /** A page after the other: there may be many. */
  async #queues<T extends { readonly queue: string }>(request: object): Promise<T[]> {
    const queues: T[] = [];
    for (;;) {
      const after = queues.at(-1)?.queue ?? '';
      const page = await this.#requester.ask<T[]>({ ...request, after, limit: MAX_QUEUES_TOLD });
      queues.push(...page);
      if (page.length < MAX_QUEUES_TOLD) return queues;
    }
  }

  /** What one reply can tell. */
  readonly #peekSome = async (queue: string, selection: Selection = {}): Promise<Stored[]> => {
    type Told = Omit<Stored, 'body'> & { readonly body?: string; readonly text?: string };
    const request = { op: 'peek', queue, ...selection };
    const found = await this.#requester.ask<Told[]>(request);
    return found.map(({ text, body = '', ...message }) => ({
      ...message,
      body: text === undefined ? Buffer.from(body, 'base64') : Buffer.from(text),
    }));
  };

  /** In steps, between which the broker has time for others. */
  async #change(request: object, selection: Selection): Promise<number> {
    const { ids, limit = Number.POSITIVE_INFINITY } = selection;
    let changed = 0;
    for (const some of ids ? chunks(ids, MAX_ROWS) : [undefined]) {
      for (;;) {
        const rows = Math.min(limit - changed, MAX_CHANGES);
        const step = { ...request, ...selection, ...(some && { ids: some }), limit: rows };
        const last = rows > 0 ? await this.#requester.ask<number>(step) : 0;
        changed += last;
        if (last < MAX_CHANGES) break;
      }
    }
    return changed;
  }
}
