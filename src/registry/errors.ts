import { Exit, SigmqError } from '../errors.ts';
import { type VetFailure, vetSentence } from './vet.ts';

/** The runtime directory or a file in it is missing, unsafe, taken or not writable. */
export class RegistryError extends SigmqError {}

const START_HINT =
  'Start a broker with `sigmq broker`, or use --dir to name the directory of one that is running.';

/** @param elsewhere where a broker of this user is running */
function startOr(elsewhere: string | undefined): string {
  return elsewhere === undefined
    ? START_HINT
    : `One is running in ${elsewhere}: name it with --dir or $SIGMQ_DIR.`;
}

const REPLACE = 'Start a broker with `sigmq broker`: it replaces the file.';

/** What to do about a broker.pid that names a process which may not be signalled. */
const BROKER_HINTS: Record<VetFailure, string> = {
  invalid: REPLACE,
  self: REPLACE,
  'not-running': `It was probably killed before it could remove the file. ${REPLACE}`,
  'not-ours':
    'Run as the user who runs the broker, or start your own with `sigmq broker --dir DIR`.',
  recycled: `The broker is gone and its PID has been reused. ${REPLACE}`,
  younger: `The broker is gone and its PID has been reused, or the clock was set forward since; in that case a broker other than sigmq must be restarted. ${REPLACE}`,
  init: `A broker that is PID 1 and is not sigmq must write \`1 start=TICKS peer=plain\` (field 22 of /proc/1/stat) into the file. ${REPLACE}`,
  'would-be-killed': `It is not a broker, or one that is still starting. ${START_HINT}`,
  indifferent: `A plain broker that does so must write \`peer=plain\` after its PID in the file. ${REPLACE}`,
  interactive: `A plain broker that has one must write \`peer=plain\` after its PID in the file. ${REPLACE}`,
  service: `A plain broker that does so must write \`peer=plain\` after its PID in the file. ${REPLACE}`,
  unknown: REPLACE,
};

const REMOVE = 'Remove the line, or restart the consumer that it was meant for.';
const SAY_PLAIN =
  'If it is a plain consumer, write `peer=plain` after its PID; otherwise remove the line.';

/** What to do about a line of consumers.txt that names a process which may not be signalled. */
const CONSUMER_HINTS: Record<VetFailure, string> = {
  invalid: REMOVE,
  self: REMOVE,
  'not-running': REMOVE,
  'not-ours': 'Run the broker and its consumers as the same user.',
  recycled: REMOVE,
  younger: `${REMOVE} (It looks the same if the clock was set forward since.)`,
  init: 'A plain consumer that is PID 1 needs `start=` (field 22 of /proc/1/stat) and `peer=plain` after its PID.',
  'would-be-killed': `${REMOVE} It is served as soon as it catches both.`,
  indifferent: SAY_PLAIN,
  interactive: SAY_PLAIN,
  service: SAY_PLAIN,
  unknown: REMOVE,
};

/** Why a line of consumers.txt is not served, and what to do. */
export function unfitConsumer(pid: number, why: VetFailure): string {
  return `${vetSentence(pid, why)} ${CONSUMER_HINTS[why]}`;
}

/** The messages of everything that can go wrong with the runtime directory and its files. */
export const registryErrors = {
  emptyDir: () =>
    new RegistryError(
      'empty-dir',
      Exit.Usage,
      'The name of the runtime directory is empty.',
      'Name a directory.',
    ),
  badPid: (pid: unknown) =>
    new RegistryError(
      'bad-pid',
      Exit.Usage,
      `${String(pid)} is not a PID.`,
      'A PID is a whole number from 1 to 2147483647.',
    ),
  badStart: (start: unknown) =>
    new RegistryError(
      'bad-start',
      Exit.Usage,
      `${String(start)} is not the start time of a process.`,
      'It is the whole number in field 22 of /proc/PID/stat.',
    ),
  noDir: (path: string, elsewhere?: string) =>
    new RegistryError(
      'no-broker',
      Exit.Unavailable,
      `No broker is running in ${path}: there is no such directory.`,
      startOr(elsewhere),
    ),
  cannotCreateDir: (path: string, cause: unknown) =>
    new RegistryError(
      'cannot-create-dir',
      Exit.CannotCreate,
      `The runtime directory ${path} cannot be created${because(cause)}.`,
      'Name a directory that you can write to with --dir or $SIGMQ_DIR.',
      cause,
    ),
  cannotReadDir: (path: string, cause: unknown) =>
    new RegistryError(
      'cannot-read-dir',
      Exit.NotPermitted,
      `The runtime directory ${path} cannot be examined${because(cause)}.`,
      'Name a directory of your own with --dir or $SIGMQ_DIR.',
      cause,
    ),
  notADir: (path: string) =>
    new RegistryError(
      'not-a-dir',
      Exit.CannotCreate,
      `${path} is not a directory.`,
      'Name a directory with --dir, or move that file away.',
    ),
  dirIsLink: (path: string) =>
    new RegistryError(
      'unsafe-dir',
      Exit.NotPermitted,
      `The runtime directory ${path} is a symbolic link, which someone else could point elsewhere.`,
      'Name the directory itself with --dir.',
    ),
  dirNotOurs: (path: string, owner: number) =>
    new RegistryError(
      'unsafe-dir',
      Exit.NotPermitted,
      `The runtime directory ${path} belongs to user ${owner}, who could have any process of yours signalled.`,
      'Name a directory of your own with --dir or $SIGMQ_DIR.',
    ),
  dirMode: (path: string, mode: number, wanted: string) =>
    new RegistryError(
      'unsafe-dir',
      Exit.NotPermitted,
      `The runtime directory ${path} has mode ${octal(mode)}, but must be ${wanted}.`,
      `Run \`chmod 700 ${path}\` if everything in it is yours.`,
    ),

  noBroker: (dir: string, elsewhere?: string) =>
    new RegistryError(
      'no-broker',
      Exit.Unavailable,
      `No broker is running in ${dir}.`,
      startOr(elsewhere),
    ),
  brokerPidJunk: (path: string) =>
    new RegistryError('no-broker', Exit.Unavailable, `${path} does not start with a PID.`, REPLACE),
  brokerUnfit: (path: string, pid: number, why: VetFailure) =>
    new RegistryError(
      'no-broker',
      Exit.Unavailable,
      `${path} does not name a broker: ${lower(vetSentence(pid, why))}`,
      BROKER_HINTS[why],
    ),
  brokerRuns: (dir: string, pid: number) =>
    new RegistryError(
      'broker-runs',
      Exit.Config,
      `A broker is already running in ${dir}: PID ${pid}.`,
      `Stop it with \`kill ${pid}\`, or give this one a directory of its own with --dir.`,
    ),
  noStart: () =>
    new RegistryError(
      'no-start',
      Exit.Bug,
      'This process cannot find itself in the process table.',
      'Check that /proc belongs to this PID namespace.',
    ),

  consumersTooLarge: (path: string, limit: string) =>
    new RegistryError(
      'consumers-too-large',
      Exit.Config,
      `${path} is over ${limit}, so it is not changed.`,
      'Remove the lines of processes that are gone, or the file.',
    ),
  notAFile: (path: string) =>
    new RegistryError(
      'not-a-file',
      Exit.NotPermitted,
      `${path} is not a regular file.`,
      'Move it away; sigmq makes a new one.',
    ),
  /** It was there a moment ago. */
  dirGone: (dir: string, cause: unknown) =>
    new RegistryError(
      'no-broker',
      Exit.Unavailable,
      `The runtime directory ${dir} has been removed.`,
      'A broker that is running puts it back within two seconds; otherwise start one.',
      cause,
    ),
  cannotWrite: (path: string, cause: unknown) =>
    new RegistryError(
      'cannot-write',
      Exit.CannotCreate,
      `${path} cannot be written${because(cause)}.`,
      'Check the free space and the permissions there.',
      cause,
    ),
  lockBusy: (path: string, ms: number) =>
    new RegistryError(
      'lock-busy',
      Exit.TryAgain,
      `${path} was locked by other processes for ${Math.round(ms / 1000)} s.`,
      `Try again; if nothing else runs, remove ${path}.lock.`,
    ),
};

function because(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code === undefined ? '' : ` (${code})`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function lower(sentence: string): string {
  return sentence.replace(/^[A-Z](?=[a-z ])/, (first) => first.toLowerCase());
}
