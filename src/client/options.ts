/** The door of the library: what a client may be given. */
import type { SigmqError } from '../errors.ts';
import { optionErrors } from '../options/errors.ts';
import { checkNamed, checkOptions, type Kinds } from '../options/kind.ts';
import * as kinds from '../options/kinds.ts';
import * as values from '../options/values.ts';
import { type Selection, STATES } from '../queue/store.ts';
import type { ClientOptions } from './find-broker.ts';
import type { Message } from './message.ts';
import type { SendOptions } from './send-options.ts';

/**
 * Handles one message. What it has not settled itself is done when it returns, or when its promise resolves, and has
 * failed when it throws or rejects.
 */
export type Handler = (message: Message) => unknown;

export interface ConsumerOptions {
  /** Runtime directory; default: as on the command line. */
  readonly dir?: string | undefined;
  /** Gets the messages as they come. Without it they wait for a `for await` loop. */
  readonly handler?: Handler | undefined;
  /** Queues to take from; default: `default`. */
  readonly queues?: readonly string[] | undefined;
  /** Messages in hand at once; default 1. */
  readonly jobs?: number | undefined;
  /** How long it may keep a message before it goes to another; default: as the broker says; ms. */
  readonly ackWaitMs?: number | undefined;
  /** Closes it. */
  readonly signal?: AbortSignal | undefined;
  /** Hears what goes wrong, a handler's errors too. Without it they are warnings of the process. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The runtime directory is gone and cannot be made again: nothing comes any more. Default: `onError`. */
  readonly onLost?: ((error: SigmqError) => void) | undefined;
}

/** Of each question and order. */
export interface CallOptions {
  /** Nobody wants the answer any more. What was ordered may have been done. */
  readonly signal?: AbortSignal | undefined;
}

const CONSUMER: Kinds<ConsumerOptions> = {
  dir: kinds.directory,
  handler: kinds.callback,
  queues: kinds.queueNames,
  jobs: values.jobs,
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

const SEND: Kinds<SendOptions & { onConfirmed?: unknown }> = {
  queue: kinds.queueName,
  priority: values.priority,
  delayMs: values.pause,
  ttlMs: values.wait,
  headers: kinds.headers,
  timeoutMs: values.wait,
  signal: kinds.abortSignal,
  onProgress: kinds.callback,
  onFrame: kinds.callback,
  onConfirmed: kinds.callback,
};

const SELECTION: Kinds<Selection> = {
  state: kinds.oneOf(STATES),
  ids: values.messageIds,
  limit: values.amount,
  fromByte: values.amount,
  maxBody: values.amount,
  skip: values.amount,
};

/** @throws OptionError */
export const checkConsumer = (options: ConsumerOptions): void => checkOptions(options, CONSUMER);

/** Of a producer or inspector. @throws OptionError */
export const checkClient = (options: ClientOptions): void => checkOptions(options, CLIENT);

/** @throws OptionError */
export const checkCall = (options: CallOptions): void =>
  checkOptions(options, { signal: kinds.abortSignal });

/** @throws OptionError, also for values that do not go together */
export function checkSend(options: SendOptions): void {
  checkOptions(options, SEND);
  const { delayMs = 0, ttlMs } = options;
  if (ttlMs !== undefined && delayMs >= ttlMs) throw optionErrors.delayNotShorter();
}

/** @throws OptionError */
export function checkSelected(queue: string, selection: Selection): void {
  checkNamed('queue', queue, kinds.queueName);
  checkOptions(selection, SELECTION);
}
