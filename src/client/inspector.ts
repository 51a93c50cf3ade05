import { type Changes, type ChangesNote, changesOf } from '../changes.ts';
import { decodeFrame } from '../codec/envelope.ts';
import { Reason } from '../codec/reason.ts';
import type { Endpoint, Receiver } from '../link/endpoint.ts';
import { groupQueueName, queueOrGroup } from '../options/groups.ts';
import { checkNamed } from '../options/kind.ts';
import { flag, queueName } from '../options/kinds.ts';
import { amount } from '../options/values.ts';
import type {
  BodyPart,
  Changed,
  Edit,
  Inspection,
  Kicked,
  QueueCounts,
  Selection,
  Stored,
} from '../queue/inspection.ts';
import type { Published } from '../queue/message.ts';
import { checkQueueChange, type QueueChange, type QueueSettings } from '../queue/queue-settings.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { processTable } from '../registry/process-table.ts';
import type { BrokerStatus, DrainState, Metrics, QueueMetrics, Status } from '../status.ts';
import { warn } from '../warning.ts';
import { openClientEndpoint } from './client-endpoint.ts';
import { type ClientOptions, directoryWithBroker } from './find-broker.ts';
import {
  type CallOptions,
  checkCall,
  checkClient,
  checkEdit,
  checkFound,
  checkIds,
  checkSelected,
} from './options.ts';
import { Requester } from './requester.ts';
import { Steps } from './steps.ts';

/**
 * Inspects the broker of a runtime directory, and changes what is waiting there. Requests and answers are signals,
 * like everything else.
 *
 * @example
 * const inspector = await Inspector.open();
 * console.log(await inspector.counts());
 * await inspector.close();
 */
export class Inspector implements Inspection {
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly #requester: Requester;
  readonly #steps: Steps;
  #closed: Promise<void> | undefined;

  /** @throws OptionError; SigmqError no-broker, one-receiver; the reason of `signal` */
  static async open(options: ClientOptions = {}): Promise<Inspector> {
    checkClient(options);
    const table = processTable();
    return new Inspector(await directoryWithBroker(options, table), table);
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
    this.#steps = new Steps(this.#requester);
  }

  /** What the broker says about itself, and about its queues in `queues`. */
  async status(options: CallOptions = {}): Promise<Status> {
    checkCall(options);
    const status = await this.#requester.ask<BrokerStatus>({ op: 'status' }, options.signal);
    // What is in a store that cannot be reached is not known.
    const isAway = status.engine?.error != null;
    return {
      ...status,
      queues: isAway ? [] : await this.#steps.queues({ op: 'queues' }, options.signal),
    };
  }

  /**
   * All its numbers, for a monitoring system. The counters start with the broker; with a store that several brokers
   * share, they are this broker's, and what is in the queues is everybody's.
   * @throws SigmqError request-failed from a broker that is too old
   */
  async metrics(options: CallOptions = {}): Promise<Metrics> {
    checkCall(options);
    const status = await this.#requester.ask<BrokerStatus>({ op: 'status' }, options.signal);
    return {
      ...status,
      queues: await this.#steps.queues<QueueMetrics>({ op: 'metrics' }, options.signal),
    };
  }

  /**
   * What has changed since the last time: short enough to be asked every second.
   * @param since as that time returned it; left out: everything is told
   */
  async changes(since?: number, options: CallOptions = {}): Promise<Changes> {
    if (since !== undefined) checkNamed('since', since, amount);
    checkCall(options);
    const request = { op: 'changes', since };
    return changesOf(await this.#requester.ask<ChangesNote>(request, options.signal));
  }

  /** Ids of the messages that this process sent last, in one hold of the bus; empty: no longer known. */
  async lastIds(options: CallOptions = {}): Promise<number[]> {
    checkCall(options);
    return this.#requester.ask({ op: 'ids' }, options.signal);
  }

  /**
   * What became of the messages that this process sent last, in one hold of the bus: stored, or not, because another
   * one stands for its key. Empty: no longer known.
   */
  async lastSent(options: CallOptions = {}): Promise<Published[]> {
    checkCall(options);
    return this.#requester.ask({ op: 'sent' }, options.signal);
  }

  async counts(options: CallOptions = {}): Promise<QueueCounts[]> {
    checkCall(options);
    return this.#steps.queues({ op: 'counts' }, options.signal);
  }

  /** Shows messages without taking them: by state, then in the order of delivery; `limit` defaults to 100. */
  async peek(queue: string, options: Selection & CallOptions = {}): Promise<Stored[]> {
    checkCall(options);
    const { signal, ...selection } = options;
    checkSelected(queue, selection);
    return this.#steps.peek(queue, selection, signal);
  }

  /** Removes messages for good, first ones first, but not those that a consumer holds. @returns how many */
  async purge(queue: string, options: Selection & CallOptions = {}): Promise<number> {
    return this.#change('purge', queue, options);
  }

  /**
   * Makes dead messages ready, behind those that are waiting, with all their attempts restored; they no longer
   * expire. With `to`, in another queue.
   * @returns how many
   */
  async kick(queue: string, options: Kicked & CallOptions = {}): Promise<number> {
    return this.#change('kick', queue, options);
  }

  /** The message with this id, whatever queue it is in. @returns undefined: there is none */
  async find(id: number, options: BodyPart & CallOptions = {}): Promise<Stored | undefined> {
    checkCall(options);
    const { signal, ...part } = options;
    checkFound(id, part);
    return this.#steps.find(id, part, signal);
  }

  /**
   * Removes messages for good, whatever queue they are in, but not those that a consumer holds.
   * @returns what became of each, in their order
   */
  async remove(ids: readonly number[], options: CallOptions = {}): Promise<Changed[]> {
    checkIds(ids);
    checkCall(options);
    return this.#steps.each({ op: 'remove' }, ids, options.signal);
  }

  /**
   * Changes messages that are ready or delayed, whatever queue they are in. One that is ready after a delay is last;
   * otherwise its place is that of its age, in another queue too.
   * @returns what became of each, in their order
   */
  async edit(ids: readonly number[], edit: Edit, options: CallOptions = {}): Promise<Changed[]> {
    checkIds(ids);
    checkEdit(edit);
    checkCall(options);
    const { queue, priority, delayMs } = edit;
    return this.#steps.each({ op: 'edit', queue, priority, delayMs }, ids, options.signal);
  }

  async pause(queue: string, paused: boolean, options: CallOptions = {}): Promise<void> {
    checkNamed('queue', queue, queueOrGroup);
    checkNamed('paused', paused, flag);
    checkCall(options);
    await this.#requester.ask({ op: 'pause', queue, paused }, options.signal);
  }

  /** What holds for this queue alone. */
  async settings(queue: string, options: CallOptions = {}): Promise<QueueSettings> {
    checkNamed('queue', queue, queueName);
    checkCall(options);
    return this.#requester.ask({ op: 'queue', queue }, options.signal);
  }

  /** Changes that; null: as the broker has it. @returns what holds for this queue alone now */
  async set(queue: string, change: QueueChange, options: CallOptions = {}): Promise<QueueSettings> {
    checkNamed('queue', queue, queueName);
    checkQueueChange(change);
    checkCall(options);
    return this.#requester.ask({ op: 'queue', queue, set: change }, options.signal);
  }

  /**
   * Removes a group for good, and all of its messages: also what consumers hold that have left.
   * @param name of the group, with its queue: `mail@audit`
   * @returns how many messages
   * @throws SigmqError there is no such group, or it has consumers
   */
  async removeGroup(name: string, options: CallOptions = {}): Promise<number> {
    checkNamed('group', name, groupQueueName);
    checkCall(options);
    return this.#requester.ask({ op: 'ungroup', group: name }, options.signal);
  }

  /**
   * The broker accepts no more messages, and stops when it has delivered those that it has.
   * @param paused including those in paused queues, which otherwise stay in its store
   * @returns what it is waiting for
   */
  async drain(
    options: CallOptions & { readonly paused?: boolean | undefined } = {},
  ): Promise<DrainState> {
    checkCall(options);
    const { paused = false, signal } = options;
    checkNamed('paused', paused, flag);
    return this.#requester.ask({ op: 'drain', paused }, signal);
  }

  /** The broker accepts messages again. @returns false: it was not draining */
  async cancelDrain(options: CallOptions = {}): Promise<boolean> {
    checkCall(options);
    return this.#requester.ask({ op: 'drain', cancel: true }, options.signal);
  }

  /** The broker shuts down as it does on SIGTERM. */
  async stop(options: CallOptions = {}): Promise<void> {
    checkCall(options);
    await this.#requester.ask({ op: 'stop' }, options.signal);
  }

  /** May be called more than once; other users of the signals in this process carry on. */
  close(): Promise<void> {
    this.#requester.close();
    this.#closed ??= this.#endpoint.close(this.#receiver);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #change(
    op: 'purge' | 'kick',
    queue: string,
    options: Selection & Kicked & CallOptions,
  ): Promise<number> {
    checkCall(options);
    const { signal, ...selection } = options;
    checkSelected(queue, selection);
    return this.#steps.change({ op, queue, ...selection }, selection, signal);
  }
}
