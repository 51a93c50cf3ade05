import { explained, SigmqError } from '../errors.ts';
import type { LinkError } from '../link/errors.ts';
import { unfitConsumer } from '../registry/errors.ts';
import type { VetFailure } from '../registry/vet.ts';
import type { DrainState } from '../status.ts';
import { drainText } from './drain-state.ts';
import { ungroupedText } from './ungrouped.ts';

/** Characters of a line that a message quotes. */
const MAX_LINE_CHARACTERS = 40;

/** A consumer, and a message that went to it. */
export interface MessageAtConsumer {
  pid: number;
  id: number;
  queue: string;
}

/** What a broker reports, without the text for people. */
export type BrokerEventData =
  | { type: 'consumer-left'; pid: number }
  | { type: 'consumer-ended'; pid: number }
  /** A line of consumers.txt names a process that is sent no signals. */
  | { type: 'consumer-refused'; pid: number; why: VetFailure }
  /** It gets nothing from this queue, which has groups. */
  | { type: 'consumer-ungrouped'; pid: number; queue: string }
  | { type: 'line-refused'; line: string }
  /** No more of them are reported. */
  | { type: 'many-lines-refused' }
  /** The lines of ended processes stay for now. */
  | { type: 'lines-not-tidied'; error: SigmqError }
  | { type: 'inotify-used-up'; path: string; code: string; everyMs: number }
  /** Its ack-wait has expired. */
  | ({ type: 'delivery-overdue'; ackWaitMs: number } & MessageAtConsumer)
  /** The message is sent again, to the same consumer or to another. */
  | ({ type: 'delivery-failed'; error: LinkError } & MessageAtConsumer)
  | ({ type: 'delivery-damaged' } & MessageAtConsumer)
  /** A plain consumer is stopped, or no longer has a handler. */
  | ({ type: 'delivery-stalled' } & MessageAtConsumer)
  /** Another broker of the store took this one for dead: the message may have gone to others. */
  | ({ type: 'delivery-taken-over' } & MessageAtConsumer)
  /** Too large for this consumer; the try counts as an attempt. */
  | ({ type: 'message-too-large'; bytes: number } & MessageAtConsumer)
  /** A plain consumer cannot receive it, others can. */
  | ({ type: 'message-not-plain' } & MessageAtConsumer)
  /** It is dead: it fits into no frame. */
  | { type: 'message-undeliverable'; id: number; queue: string; error: Error }
  /** Dead messages were removed for good: they were too old, or there were too many in the store. */
  | { type: 'dead-dropped'; queue: string; why: 'age' | 'limit'; messages: number }
  /** Nobody is waiting for an answer. */
  | { type: 'plain-message-refused'; bytes: number }
  /** Who asked has ended, or waits no longer. */
  | { type: 'reply-dropped'; pid: number }
  /** Nothing is accepted and nothing delivered until it is back. */
  | { type: 'store-away'; error: SigmqError }
  | { type: 'store-back' }
  | { type: 'draining'; state: DrainState }
  | { type: 'drained'; state: DrainState }
  | { type: 'drain-cancelled' }
  /** The runtime directory, or the broker's files in it, had been removed. */
  | { type: 'directory-restored'; dir: string; message: string }
  /** Something is not as it should be, though the broker works. */
  | { type: 'warning'; message: string }
  /** What failed is retried where that makes sense. */
  | { type: 'error'; error: unknown };

/** What a broker reports; `type` tells which other fields there are. */
export type BrokerEvent = Readonly<
  BrokerEventData & {
    level: 'debug' | 'info' | 'warn' | 'error';
    /** For people. */
    message: string;
  }
>;

const DROPPED = {
  age: 'older than --dead-age allows',
  limit:
    'the oldest, as the store has more dead messages than --max-dead or --max-dead-bytes allows',
};

type Text<F> = readonly [level: BrokerEvent['level'], sentence: (fact: F) => string];

const TEXTS: {
  readonly [T in BrokerEventData['type']]: Text<Extract<BrokerEventData, { type: T }>>;
} = {
  'consumer-left': ['info', ({ pid }) => `Consumer ${pid} left.`],
  'consumer-ended': ['info', ({ pid }) => `Consumer ${pid} ended.`],
  'consumer-refused': ['warn', ({ pid, why }) => unfitConsumer(pid, why)],
  'consumer-ungrouped': ['warn', ({ pid, queue }) => ungroupedText(pid, queue)],
  'line-refused': [
    'warn',
    ({ line }) =>
      `consumers.txt has a line that does not start with a PID: ${JSON.stringify(line.slice(0, MAX_LINE_CHARACTERS))}.`,
  ],
  'many-lines-refused': ['warn', () => 'consumers.txt has more bad lines, which are not reported.'],
  'lines-not-tidied': ['warn', ({ error }) => sentenceOf(error)],
  'inotify-used-up': [
    'warn',
    ({ path, code, everyMs }) =>
      `No inotify instance or watch is left (${code}; /proc/sys/fs/inotify): ${path} is checked every ${everyMs} ms instead.`,
  ],
  'delivery-overdue': [
    'warn',
    ({ pid, id, ackWaitMs }) =>
      `Consumer ${pid} has not settled message ${id} within ${ackWaitMs} ms; it goes to another.`,
  ],
  'delivery-taken-over': [
    'warn',
    ({ pid, id }) =>
      `Message ${id} of consumer ${pid} went to another broker, because this one was silent for longer than its lease; or it was removed with its group.`,
  ],
  'delivery-failed': ['warn', ({ error }) => error.message],
  'delivery-damaged': ['warn', ({ pid }) => `Every frame reaches consumer ${pid} damaged.`],
  'delivery-stalled': [
    'warn',
    ({ pid }) => `Plain consumer ${pid} is not taking its signals; its message goes to another.`,
  ],
  'message-too-large': [
    'warn',
    ({ pid, bytes }) => `Consumer ${pid} does not accept messages of ${bytes} bytes.`,
  ],
  'message-not-plain': [
    'warn',
    ({ pid, id }) =>
      `Message ${id} has a zero byte or is empty; plain consumer ${pid} cannot receive it.`,
  ],
  'message-undeliverable': [
    'warn',
    ({ id, error }) => `Message ${id} cannot be delivered: ${error.message}`,
  ],
  'dead-dropped': [
    'warn',
    ({ queue, why, messages }) =>
      `${messages} dead message${messages === 1 ? '' : 's'} of queue ${queue} ${messages === 1 ? 'was' : 'were'} removed: ${DROPPED[why]}.`,
  ],
  'plain-message-refused': [
    'error',
    ({ bytes }) => `A plain message of ${bytes} bytes is too large.`,
  ],
  'reply-dropped': [
    'debug',
    ({ pid }) => `Process ${pid} asked, and waits no longer: its reply is dropped.`,
  ],
  'store-away': ['error', ({ error }) => sentenceOf(error)],
  'store-back': ['info', () => 'The store can be reached again.'],
  draining: [
    'info',
    ({ state }) => `Draining: no new messages are accepted. The broker ${drainText(state)}.`,
  ],
  drained: ['info', ({ state }) => `Drained: the broker stops; it ${drainText(state)}.`],
  'drain-cancelled': ['info', () => 'The drain was cancelled: messages are accepted again.'],
  'directory-restored': ['warn', ({ message }) => message],
  warning: ['warn', ({ message }) => message],
  error: ['error', ({ error }) => sentenceOf(explained(error))],
};

export function eventOf(fact: BrokerEventData): BrokerEvent {
  const [level, sentence] = TEXTS[fact.type] as Text<BrokerEventData>;
  return { ...fact, level, message: sentence(fact) };
}

function sentenceOf(error: unknown): string {
  if (error instanceof SigmqError) return `${error.message} ${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}
