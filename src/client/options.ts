/** The entrance for users of the library: checks what a client is given. */
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import type { SigmqError } from '../errors.ts';
import { optionErrors } from '../options/errors.ts';
import { groupName, queueOrGroup } from '../options/groups.ts';
import { checkNamed, checkOptions, type Kinds } from '../options/kind.ts';
import * as kinds from '../options/kinds.ts';
import { wholeNumber } from '../options/numbers.ts';
import { moment } from '../options/times.ts';
import * as values from '../options/values.ts';
import { type QueueChoice, queueChoices } from '../options/weights.ts';
import type { BodyPart, Edit, Kicked, Selection } from '../queue/inspection.ts';
import { STATES } from '../queue/message.ts';
import type { ClientOptions } from './find-broker.ts';
import type { Message } from './message.ts';
import { type AskOptions, delayOf, type SendOptions } from './send-options.ts';

/**
 * Handles one message. A message that it has not settled itself is done when it returns, or when its promise
 * resolves, and has failed when it throws or rejects.
 */
export type Handler = (message: Message) => unknown;

export interface ConsumerOptions {
  /** Runtime directory; default: as on the command line. */
  readonly dir?: string | undefined;
  /** Called with each message. Without it, messages wait for a `for await` loop. */
  readonly handler?: Handler | undefined;
  /**
   * Queues to take from; default: `default`. The message that is first in any of them comes first; but if one has a
   * weight, they take turns in proportion to their weights, of which a name alone has 1.
   */
  readonly queues?: readonly QueueChoice[] | undefined;
  /**
   * Takes from this group of each queue: each group gets every message. It is there from the first time that a consumer
   * is opened with it, until it is removed; `open` waits for a broker that makes it, and for its store.
   */
  readonly group?: string | undefined;
  /** Messages in hand at a time; default 1. */
  readonly jobs?: number | undefined;
  /**
   * Messages that may be here at a time, including those that wait for their turn: several arrive in one frame, which
   * is several times as fast. Other consumers do not get them meanwhile. Default: as many as `jobs`; up to 1000.
   */
  readonly prefetch?: number | undefined;
  /** The broker delivers no more messages than this; what is given back does not count. Default: no limit. */
  readonly count?: number | undefined;
  /** Whether the broker packs messages where that makes them smaller; default: true. */
  readonly compress?: boolean | undefined;
  /** How long it may keep a message before it goes to another; default: the broker decides; ms. */
  readonly ackWaitMs?: number | undefined;
  /** The consumer is closed when this aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Called with what goes wrong, including errors of the handler. Without it they become process warnings. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The runtime directory is gone and cannot be made again: nothing will arrive any more. Default: `onError`. */
  readonly onLost?: ((error: SigmqError) => void) | undefined;
}

/** For messages that are taken several at a time. */
export interface BatchOptions {
  /** How many at most, up to the consumer's `jobs`; default: that many. */
  readonly size?: number | undefined;
  /** How long the first of them waits for others; default: 1000; ms. */
  readonly lingerMs?: number | undefined;
}

/** For each call of an inspector. */
export interface CallOptions {
  /** Aborts when the answer is no longer wanted. What was asked for may have been done all the same. */
  readonly signal?: AbortSignal | undefined;
}

export interface ProducerOptions extends ClientOptions {
  /** Wait for a broker if there is none: when the producer is opened, and when a broker goes away. Default: fail. */
  readonly wait?: boolean | undefined;
  /** Whether messages are packed where that makes them smaller; default: true. */
  readonly compress?: boolean | undefined;
}

const CONSUMER: Kinds<ConsumerOptions> = {
  dir: kinds.directory,
  handler: kinds.callback,
  queues: queueChoices,
  group: groupName,
  jobs: values.jobs,
  prefetch: values.prefetch,
  count: values.count,
  compress: kinds.flag,
  ackWaitMs: values.wait,
  signal: kinds.abortSignal,
  onError: kinds.callback,
  onLost: kinds.callback,
};

const CLIENT: Kinds<ClientOptions> = {
  dir: kinds.directory,
  wait: kinds.flag,
  signal: kinds.abortSignal,
};

const PRODUCER: Kinds<ProducerOptions> = { ...CLIENT, compress: kinds.flag };

const SEND: Kinds<SendOptions & { onConfirmed?: unknown }> = {
  queue: kinds.queueName,
  priority: values.priority,
  delayMs: values.pause,
  at: moment,
  ttlMs: values.wait,
  headers: kinds.headers,
  key: kinds.messageKey,
  keyTtlMs: values.wait,
  maxAttempts: values.maxAttempts,
  backoffMs: values.pause,
  deadTo: kinds.queueName,
  timeoutMs: values.wait,
  signal: kinds.abortSignal,
  onProgress: kinds.callback,
  onFrame: kinds.callback,
  onConfirmed: kinds.callback,
};

const ASK: Kinds<AskOptions> = {
  queue: kinds.queueName,
  priority: values.priority,
  ttlMs: values.wait,
  headers: kinds.headers,
  timeoutMs: values.wait,
  signal: kinds.abortSignal,
  onProgress: kinds.callback,
  onLook: kinds.callback,
};

const SELECTION: Kinds<Selection & Kicked> = {
  to: kinds.queueName,
  state: kinds.oneOf(STATES),
  ids: values.messageIds,
  limit: values.amount,
  fromByte: values.amount,
  maxBody: values.amount,
  skip: values.amount,
};

/** @throws OptionError */
export const checkConsumer = (options: ConsumerOptions): void => checkOptions(options, CONSUMER);

/** @throws OptionError */
export const checkProducer = (options: ProducerOptions): void => checkOptions(options, PRODUCER);

/** For an inspector. @throws OptionError */
export const checkClient = (options: ClientOptions): void => checkOptions(options, CLIENT);

/** @throws OptionError */
export const checkCall = (options: CallOptions): void =>
  checkOptions(options, { signal: kinds.abortSignal });

/** @throws OptionError, also for values that contradict each other */
export function checkSend(options: SendOptions): void {
  checkOptions(options, SEND);
  const { at, ttlMs, key, keyTtlMs } = options;
  if (at !== undefined && options.delayMs !== undefined) throw optionErrors.twoDelays();
  const delayMs = delayOf(options);
  values.pause.check(delayMs);
  const { queue = DEFAULT_QUEUE, deadTo } = options;
  if (deadTo === queue) throw optionErrors.deadToItself(queue);
  if (keyTtlMs !== undefined && key === undefined) throw optionErrors.keyTtlWithoutKey();
  if (ttlMs !== undefined && delayMs >= ttlMs) throw optionErrors.delayNotShorter();
}

/** @param jobs of the consumer @throws OptionError */
export const checkBatches = (options: BatchOptions, jobs: number): void =>
  checkOptions(options, { size: wholeNumber(1, jobs), lingerMs: values.pause });

/** @throws OptionError */
export const checkAsk = (options: AskOptions): void => checkOptions(options, ASK);

/** @throws OptionError */
export function checkSelected(queue: string, selection: Selection & Kicked): void {
  checkNamed('queue', queue, queueOrGroup);
  checkOptions(selection, SELECTION);
}

const PART: Kinds<BodyPart> = { fromByte: values.amount, maxBody: values.amount };
const EDIT: Kinds<Edit> = {
  queue: kinds.queueName,
  priority: values.priority,
  delayMs: values.pause,
};

/** @throws OptionError */
export function checkFound(id: number, part: BodyPart): void {
  checkNamed('id', id, values.messageId);
  checkOptions(part, PART);
}

/** @throws OptionError */
export const checkIds = (ids: readonly number[]): void => checkNamed('ids', ids, values.messageIds);

/** @throws OptionError, also if nothing would change */
export function checkEdit(edit: Edit): void {
  checkOptions(edit, EDIT);
  const { queue, priority, delayMs } = edit;
  if (queue === undefined && priority === undefined && delayMs === undefined)
    throw optionErrors.noEdit();
}
