import { decodeFrame } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { Endpoint, Receiver } from '../link/endpoint.ts';
import { checkNamed } from '../options/kind.ts';
import { flag, queueName } from '../options/kinds.ts';
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

  status<T>(): Promise<T> {
    return this.#requester.ask({ op: 'status' });
  }

  /** Ids of the messages that this process sent last, in one hold of the bus; empty: not known any more. */
  lastIds(): Promise<number[]> {
    return this.#requester.ask({ op: 'ids' });
  }

  counts(): Promise<QueueCounts[]> {
    return this.#requester.ask({ op: 'counts' });
  }

  async peek(queue: string, selection: Selection = {}): Promise<Stored[]> {
    checkSelected(queue, selection);
    const found = await this.#requester.ask<(Omit<Stored, 'body'> & { body: string })[]>({
      op: 'peek',
      queue,
      ...selection,
    });
    return found.map((message) => ({ ...message, body: Buffer.from(message.body, 'base64') }));
  }

  async purge(queue: string, selection: Selection = {}): Promise<number> {
    checkSelected(queue, selection);
    return this.#requester.ask({ op: 'purge', queue, ...selection });
  }

  async kick(queue: string, selection: Selection = {}): Promise<number> {
    checkSelected(queue, selection);
    return this.#requester.ask({ op: 'kick', queue, ...selection });
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    checkNamed('queue', queue, queueName);
    checkNamed('paused', paused, flag);
    await this.#requester.ask({ op: 'pause', queue, paused });
  }

  /** The broker takes no more messages, and stops when it has given out those that it has. */
  async drain(): Promise<void> {
    await this.#requester.ask({ op: 'drain' });
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
}
