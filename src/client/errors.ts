import { Reason } from '../codec/reason.ts';
import { Exit, SigmqError } from '../errors.ts';
import { continueIt } from '../link/errors.ts';
import type { Membership } from '../registry/membership.ts';
import { type VetFailure, vetSentence } from '../registry/vet.ts';

/** Something could not be sent, or asked. */
export class ProducerError extends SigmqError {
  /** It was refused in the end, but the answer to an earlier try did not come: that one may have been accepted. */
  mayBeStored = false;
}

/** Which a broker may give for a request that failed. */
const KNOWN_EXITS: ReadonlySet<unknown> = new Set(
  Object.values(Exit).filter((code) => code !== Exit.Ok),
);

function whileStopped(pid: number | undefined): string {
  return pid === undefined ? '' : `: the broker, process ${pid}, is stopped`;
}

/** What to do about a PID that a person has named, and that may not be signalled. */
const NAME_HINTS: Partial<Record<VetFailure, string>> = {
  'not-running': 'Look it up again: its program may have been started anew.',
  'not-ours': 'Run as the user whose process it is.',
  init: 'Let another process of the container receive, for example with `docker run --init`.',
  unknown: 'Send to a broker instead: its directory shows that it expects signals.',
};

const REFUSALS = new Map<Reason, string>([
  [Reason.TooLarge, 'it is too large'],
  [Reason.Damaged, 'it arrives damaged, whatever is tried'],
  [Reason.Unsupported, 'it takes no messages, or none of this kind'],
  [Reason.Store, 'it could not write it'],
  [Reason.Closing, 'it is about to end'],
]);

/** The messages of everything that can keep a message from being accepted. */
export const producerErrors = {
  tooLarge: (bytes: number, max: number | undefined) =>
    new ProducerError(
      'too-large',
      Exit.BadData,
      `The message has ${bytes} bytes${max === undefined ? ', more than the broker accepts' : `; the broker accepts at most ${max}`}.`,
      'Send less, or start the broker with a larger --max-size.',
    ),
  replyTooLarge: (bytes: number, max: number) =>
    new ProducerError(
      'too-large',
      Exit.BadData,
      `The reply has ${bytes} bytes; the broker accepts at most ${max}.`,
      'Reply less, or start the broker with a larger --max-size.',
    ),
  cannotAsk: () =>
    new ProducerError(
      'refused',
      Exit.BadData,
      'The broker refused the message: it knows no messages that are asked.',
      'It is of an earlier version: restart it with this one.',
    ),
  /** @param stopped the PID of the broker, if it is stopped; as for the next two */
  noReplyBy: (ms: number, stopped?: number) =>
    new ProducerError(
      'timeout',
      Exit.Timeout,
      `No reply within ${ms} ms${whileStopped(stopped)}.`,
      stopped === undefined
        ? 'Check that a consumer takes from the queue, or allow more time with --timeout.'
        : continueIt(stopped),
    ),
  noReply: () =>
    new ProducerError(
      'no-reply',
      Exit.Unexpected,
      'The message was handled, and its consumer gave no reply.',
      'Start the consumer with `sigmq consume --reply`, or have it call message.reply().',
    ),
  /** @param exitCode of the last attempt; undefined: not known */
  deadLetter: (exitCode: number | undefined) =>
    new ProducerError(
      'dead-letter',
      exitCode ?? Exit.TryAgain,
      'The message is a dead letter: it was rejected, or its attempts are used up.',
      'See `sigmq dead ls`; `sigmq dead kick` tries it again.',
    ),
  askLost: () =>
    new ProducerError(
      'ask-lost',
      Exit.TryAgain,
      'The broker has neither the message nor a reply: it has expired, was removed, or went with a store in memory.',
      'It may have been handled; check before you ask again.',
    ),
  notBack: (seconds: number) =>
    new ProducerError(
      'broker-gone',
      Exit.Unavailable,
      `The broker ended before there was a reply, and has not come back within ${seconds} s.`,
      'Start it again: the message is handled then, but nobody waits for the reply. Wait for it with --wait.',
    ),
  empty: () =>
    new ProducerError('empty', Exit.BadData, 'The message is empty.', 'Give it at least one byte.'),
  zeroForPlain: () =>
    new ProducerError(
      'zero-byte',
      Exit.BadData,
      'The message has a zero byte, and this broker is a plain peer, for which a zero byte ends a message.',
      'Send it to a sigmq broker, or encode it (base64).',
    ),
  zeroForProcess: (pid: number) =>
    new ProducerError(
      'zero-byte',
      Exit.BadData,
      `The message has a zero byte, and process ${pid} is a plain peer, for which a zero byte ends a message.`,
      'Encode it (base64).',
    ),
  plainOptions: () =>
    new ProducerError(
      'plain-broker',
      Exit.BadData,
      'This broker is a plain peer: it has no queues, priorities, delays or headers.',
      'Leave these options out, or start a sigmq broker.',
    ),
  /** @param queue which it was sent to; of many, their names */
  full: (queue = 'the queue') =>
    new ProducerError(
      'full',
      Exit.TryAgain,
      `The broker refused the message: its store, or ${queue}, is full.`,
      'Try again when consumers have caught up, or raise the limits of the broker, or of the queue (`sigmq queue set`).',
    ),
  store: () =>
    new ProducerError(
      'store',
      Exit.TryAgain,
      'The broker refused the message: it could not store it.',
      'Its disk is full, its database cannot be reached, or its store was moved or deleted: see its log or `sigmq doctor`, then send again.',
    ),
  closing: () =>
    new ProducerError(
      'closing',
      Exit.Unavailable,
      'The broker is shutting down and refused the message.',
      'Start it again, then send again.',
    ),
  noAnswer: () =>
    new ProducerError(
      'no-answer',
      Exit.TryAgain,
      'The broker did not answer in time.',
      'It may be busy; try again.',
    ),
  brokerStopped: (pid: number) =>
    new ProducerError(
      'broker-stopped',
      Exit.TryAgain,
      `The broker, process ${pid}, is stopped and answers nobody.`,
      continueIt(pid),
    ),
  brokerGone: () =>
    new ProducerError(
      'broker-gone',
      Exit.Unavailable,
      'The broker ended before it answered.',
      'Start it again, then ask again.',
    ),
  badAnswer: (cause?: unknown) =>
    new ProducerError(
      'bad-answer',
      Exit.Unexpected,
      "The broker's answer cannot be read.",
      'Its version may differ from that of this command.',
      cause,
    ),
  /** @param exit the exit code, as the broker says */
  request: (sentence: string, exit: unknown) =>
    new ProducerError(
      'request-failed',
      KNOWN_EXITS.has(exit) ? (exit as number) : Exit.Unexpected,
      `The broker says: ${sentence}`,
      'See its log.',
    ),
  plainRequest: () =>
    new ProducerError(
      'plain-broker',
      Exit.Unavailable,
      'The broker, or this process, is a plain peer: it answers no requests.',
      'Run `sigmq doctor` to see why.',
    ),
  refused: (reason: number) =>
    new ProducerError(
      'refused',
      Exit.BadData,
      `The broker refused the message (reason ${reason}).`,
      'Its version may differ from that of this command.',
    ),
  notNamed: (pid: number, why: VetFailure) =>
    new ProducerError(
      'unsafe-target',
      why === 'invalid' || why === 'self' ? Exit.Usage : Exit.Unavailable,
      vetSentence(pid, why),
      NAME_HINTS[why] ?? 'Name a process that traps both, as `sigmq listen` does.',
    ),
  takesPart: (pid: number, { role, dir }: Membership) =>
    new ProducerError(
      'takes-part',
      Exit.Usage,
      role === 'broker'
        ? `Process ${pid} is the broker of ${dir}.`
        : `Process ${pid} is a consumer of the broker of ${dir}, from which its messages come.`,
      `Send without --pid: \`sigmq send --dir ${dir}\`.`,
    ),
  refusedBy: (pid: number, reason: Reason) =>
    new ProducerError(
      'refused',
      reason === Reason.TooLarge ? Exit.BadData : Exit.TryAgain,
      `Process ${pid} refused the message: ${REFUSALS.get(reason) ?? `reason ${reason}`}.`,
      reason === Reason.TooLarge ? 'Send less.' : 'See what it says, and send again.',
    ),
  unconfirmed: (sentence: string) =>
    new ProducerError(
      'unconfirmed',
      Exit.TryAgain,
      `The message was not confirmed: ${sentence}`,
      'It may or may not have arrived; check before you send it again.',
    ),
  timeoutOf: (pid: number, ms: number, isStopped: boolean) =>
    new ProducerError(
      'timeout',
      Exit.Timeout,
      `Process ${pid} has not taken the message within ${ms} ms${isStopped ? ': it is stopped' : ''}.`,
      isStopped ? continueIt(pid) : 'See what it does, or allow more time with --timeout.',
    ),
  timeout: (ms: number, stopped?: number) =>
    new ProducerError(
      'timeout',
      Exit.Timeout,
      `No confirmation within ${ms} ms${whileStopped(stopped)}.`,
      stopped === undefined
        ? 'Check that the broker is running, or allow more time with --timeout.'
        : continueIt(stopped),
    ),
};
