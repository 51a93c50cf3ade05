import { Exit, limitOf, SigmqError } from '../errors.ts';
import type { SignalQueue } from '../registry/signal-queue.ts';
import { type VetFailure, vetSentence } from '../registry/vet.ts';

/** What to do about a process that is stopped. */
export function continueIt(pid: number): string {
  return `Continue it with \`fg\` where it was started, or with \`kill -CONT ${pid}\`.`;
}

/** The sentences of everything that can go wrong between two processes. */
export const linkErrors = {
  gone: (pid: number) =>
    new LinkError(
      'peer-gone',
      Exit.Unavailable,
      `Process ${pid} ended before it had the whole message.`,
      'Start it again, then send again.',
    ),
  stalled: (pid: number, echoes = 0) =>
    new LinkError(
      'peer-stalled',
      Exit.TryAgain,
      `Process ${pid} does not answer (since bit ${echoes}).`,
      'It may be stuck, or have no time: see what it does, then send again.',
    ),
  stopped: (pid: number) =>
    new LinkError(
      'peer-stalled',
      Exit.TryAgain,
      `Process ${pid} is stopped and answers nobody.`,
      continueIt(pid),
    ),
  noSignalQueue: (pid: number, { used, limit }: SignalQueue) =>
    new LinkError(
      'no-signal-queue',
      Exit.TryAgain,
      `Signals reach process ${pid} without their sender: ${used} wait, and only ${limit} may (RLIMIT_SIGPENDING).`,
      'Raise the limit with `ulimit -i` where it is started, or end what leaves its signals pending.',
    ),
  nameless: (count: number) =>
    new LinkError(
      'nameless-signals',
      Exit.TryAgain,
      `${count} signals came without their sender and were ignored: it is outside this PID namespace, or so many signals waited that the kernel forgot whose they are (RLIMIT_SIGPENDING).`,
      'Run both in one PID namespace; `sigmq doctor` shows the limit.',
    ),
  outOfStep: (pid: number) =>
    new LinkError(
      'out-of-step',
      Exit.TryAgain,
      `Process ${pid} and this one cannot agree on where a frame starts.`,
      'Another program disturbs the signals; send again when it is gone.',
    ),
  busLost: () =>
    new LinkError(
      'bus-lost',
      Exit.TryAgain,
      'This process was stopped in the middle of a transmission for too long to go on with it.',
      'Send again.',
    ),
  busFull: (dir: string, cause: unknown) => {
    const { exit, hint } = limitOf(cause) ?? {};
    return new LinkError(
      'bus-full',
      exit ?? Exit.TryAgain,
      `${dir}/bus cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)}), and nobody may transmit without it.`,
      hint ?? 'Make room in the runtime directory, then try again.',
      cause,
    );
  },
  unsafe: (pid: number, why: VetFailure) =>
    new LinkError(
      'unsafe-target',
      Exit.Unavailable,
      vetSentence(pid, why),
      'Start the process that you mean again, so that its PID is written down anew.',
    ),
  unacknowledged: (pid: number, why: VetFailure) =>
    new LinkError(
      'unsafe-target',
      Exit.Unavailable,
      `No acknowledgement: ${vetSentence(pid, why)}`,
      'Let the sender catch both signals before it sends the first bit.',
    ),
  heardTooMuch: (maxBytes: number) =>
    new LinkError(
      'too-large',
      Exit.BadData,
      `A message had more than ${maxBytes} bytes: it is left out.`,
      'Let its sender end a message with a zero byte.',
    ),
  notEcho: (pid: number) =>
    new LinkError(
      'not-echo',
      Exit.Unavailable,
      `Process ${pid} no longer blocks both signals.`,
      'Start it again.',
    ),
  oneDirectory: (dir: string) =>
    new LinkError(
      'one-directory',
      Exit.Usage,
      `This process already takes part in ${dir}.`,
      'Use one runtime directory per process: signals do not say for which one they are.',
    ),
  oneReceiver: () =>
    new LinkError(
      'one-receiver',
      Exit.Usage,
      'This process already has a broker or a consumer.',
      'Run the other one in a process of its own: signals do not say for whom they are.',
    ),
  notMainThread: () =>
    new LinkError(
      'not-main-thread',
      Exit.Usage,
      'A worker thread cannot take part: signals go to the main thread of a process.',
      'Use sigmq in the main thread, and pass messages on to the worker.',
    ),
  closed: () =>
    new LinkError('link-closed', Exit.Unavailable, 'The link is closed.', 'Open another one.'),
};

/** Whether the same peer may answer the next time, without anybody's doing anything. */
export function isPassing(error: unknown): error is LinkError {
  return error instanceof LinkError && error.exitCode === Exit.TryAgain;
}

/** A transfer to a peer failed; `code` says how. */
export class LinkError extends SigmqError {
  /** The peer has the whole frame, or will have it with the zeros that come next: it may have acted on it, or may yet. */
  answerPending = false;
}
