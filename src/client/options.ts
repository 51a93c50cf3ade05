/** The door of the library: what a client may be given. */
import { optionErrors } from '../options/errors.ts';
import { checkNamed, checkOptions, type Kinds } from '../options/kind.ts';
import * as kinds from '../options/kinds.ts';
import * as values from '../options/values.ts';
import { type Selection, STATES } from '../queue/store.ts';
import type { ConsumerOptions } from './consumer.ts';
import type { ClientOptions } from './find-broker.ts';
import type { CallOptions } from './inspector.ts';
import type { ProducerOptions } from './producer.ts';
import type { SendOptions } from './send-options.ts';

const CONSUMER: Kinds<ConsumerOptions> = {
  dir: kinds.directory,
  handler: kinds.callback,
  queues: kinds.queueNames,
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

/** @throws OptionError */
export const checkProducer = (options: ProducerOptions): void => checkOptions(options, PRODUCER);

/** Of an inspector. @throws OptionError */
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
