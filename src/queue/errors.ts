import { dirname, join } from 'node:path';
import { Exit, SigmqError } from '../errors.ts';
import { groupOf, queueOfGroup } from '../options/groups.ts';
import { lockHolder } from './lock-holder.ts';

/** The store cannot be opened, read or written. */
export class StoreError extends SigmqError {}

/** The store cannot be reached: nothing is stored and nothing handed out until it is back. */
export class StoreAway extends StoreError {
  /** The connection broke while an answer was awaited. */
  wasAsked = false;
}

/** Nobody knows whether messages were stored: the connection broke before the answer came. */
export class StoreUnknown extends StoreError {}

/** The store already holds as many messages or bytes as it may. */
export class StoreFull extends SigmqError {}

const OTHER = 'Move it away, or name another folder with --data.';

/** The messages of everything that can go wrong with the store. */
export const storeErrors = {
  tooMany: (held: number, max: number) =>
    new StoreFull(
      'store-full',
      Exit.TryAgain,
      `The store holds ${held} messages; ${max} are allowed.`,
      'Start more consumers, or raise --max-messages.',
    ),
  tooLarge: (held: number, max: number) =>
    new StoreFull(
      'store-full',
      Exit.TryAgain,
      `The store holds ${held} bytes; ${max} are allowed.`,
      'Start more consumers, or raise --max-bytes.',
    ),
  queueTooMany: (queue: string, held: number, max: number) =>
    new StoreFull(
      'store-full',
      Exit.TryAgain,
      `Queue ${queue} holds ${held} messages; ${max} are allowed.`,
      `Start more consumers, or raise it: sigmq queue set ${queueOfGroup(queue)} --max-messages N.`,
    ),
  queueTooLarge: (queue: string, held: number, max: number) =>
    new StoreFull(
      'store-full',
      Exit.TryAgain,
      `Queue ${queue} holds ${held} bytes; ${max} are allowed.`,
      `Start more consumers, or raise it: sigmq queue set ${queueOfGroup(queue)} --max-bytes N.`,
    ),
  /** @param name with its queue */
  noGroup: (name: string) =>
    new SigmqError(
      'no-group',
      Exit.BadData,
      `There is no group ${groupOf(name)} of queue ${queueOfGroup(name)}.`,
      'See `sigmq group ls`.',
    ),
  tooManyGroups: (queue: string, max: number) =>
    new StoreFull(
      'too-many-groups',
      Exit.Config,
      `Queue ${queue} has ${max} groups; no more are allowed, as each message is stored once for each.`,
      'Remove one that nobody needs with `sigmq group rm`.',
    ),
  cannotCreate: (path: string, cause: unknown) =>
    new StoreError(
      'cannot-create-store',
      Exit.CannotCreate,
      `The store ${path} cannot be created: ${messageOf(cause)}.`,
      'Name a folder that you can write to with --data, or keep messages in memory with --memory.',
      cause,
    ),
  notWritable: (path: string, cause: unknown) =>
    new StoreError(
      'store-not-writable',
      Exit.CannotCreate,
      `The store cannot be used: ${path} ${whyNot(cause)}.`,
      'Name a folder that you can write to with --data, or keep messages in memory with --memory.',
      cause,
    ),
  fewDescriptors: (needed: number, left: number, cause: unknown) =>
    new StoreError(
      'no-descriptors',
      Exit.TryAgain,
      `To open a store takes ${needed} file descriptors, and this process has ${left} left.`,
      'Raise the limit (`ulimit -n`) where it is started, or close some files.',
      cause,
    ),
  smallFiles: (path: string, max: number) =>
    new StoreError(
      'file-limit',
      Exit.Config,
      `The store ${path} cannot be opened by this process, whose files may have ${max} bytes at most.`,
      'Raise the limit (`ulimit -f`) where this process is started.',
    ),
  unsafe: (path: string, why: string) =>
    new StoreError('unsafe-store', Exit.NotPermitted, `The store ${path} ${why}.`, OTHER),
  inUse: (path: string) => {
    const pid = lockHolder(join(dirname(path), 'queue.lock'));
    return new StoreError(
      'store-in-use',
      Exit.Config,
      `The store ${path} is in use by another broker${pid === undefined ? '' : `: PID ${pid}`}.`,
      `Stop that one${pid === undefined ? '' : ` with \`kill ${pid}\``}, or give this one a store of its own with --data.`,
    );
  },
  noHome: (cause: unknown) =>
    new StoreError(
      'no-home',
      Exit.Config,
      'There is no place to keep messages: HOME and XDG_STATE_HOME are not set, and this user has no home directory.',
      'Set one of them, or name a folder with --data.',
      cause,
    ),
  noRoom: (path: string) =>
    new StoreError(
      'no-room',
      Exit.TryAgain,
      `The disk of the store ${path} is full: what is in it is still delivered, but nothing new is accepted.`,
      'Make room on its file system; messages are accepted again a moment later.',
    ),
  moved: (path: string) =>
    new StoreError(
      'store-moved',
      Exit.TryAgain,
      `The store ${path} was moved or deleted while the broker was running: what is in it is still delivered, but nothing new is accepted.`,
      'Put the same files back, or restart the broker.',
    ),
  exists: (path: string) =>
    new StoreError(
      'backup-exists',
      Exit.CannotCreate,
      `${path} already exists.`,
      'Name another file, or give --force.',
    ),
  notAFile: (path: string) =>
    new StoreError(
      'not-a-file',
      Exit.CannotCreate,
      `${path} exists, and is not a regular file.`,
      'Name another file; `sigmq export` alone writes to standard output.',
    ),
  isTheStore: (path: string) =>
    new StoreError(
      'backup-is-store',
      Exit.Usage,
      `${path} is the store itself.`,
      'Name another file.',
    ),
  noBackup: (path: string, cause: unknown) =>
    new StoreError(
      'no-backup',
      Exit.CannotCreate,
      `The copy ${path} cannot be made: ${messageOf(cause)}.`,
      'Check the permissions and the free space there, and whether the store can be read.',
      cause,
    ),
  notAStore: (path: string) =>
    new StoreError('not-a-store', Exit.Config, `${path} is not a sigmq store.`, OTHER),
  newer: (path: string, version: number, known: number) =>
    new StoreError(
      'newer-store',
      Exit.Config,
      `The store ${path} has version ${version}; this sigmq knows versions up to ${known}.`,
      'Use the newer sigmq, or name another folder with --data.',
    ),
  reservedStays: () =>
    new SigmqError(
      'reserved-stays',
      Exit.Usage,
      'Messages that a consumer holds cannot be removed.',
      'Stop the consumer: what it has not settled becomes ready again.',
    ),
  /** For whoever starts the broker; the store works all the same. */
  noReserve: (path: string, why: string) =>
    `There is no reserve on the disk of ${path} (${why}): if it fills up, consumers stop too.`,
  damaged: (path: string, cause: unknown) =>
    new StoreError(
      'store-damaged',
      Exit.Config,
      `The store ${path} is damaged: ${messageOf(cause)}.`,
      'Save what can be read with `sqlite3 queue.db .recover`, then move it away.',
      cause,
    ),
  failed: (path: string, cause: unknown) =>
    isDamage(cause)
      ? storeErrors.damaged(path, cause)
      : new StoreError(
          'store-failed',
          Exit.TryAgain,
          `The store ${path} cannot be written or read: ${messageOf(cause)}.`,
          'Make room on its file system and check its permissions; nothing that was confirmed is lost.',
          cause,
        ),
};

/** What kept SQLite from opening a file. */
export function cannotOpen(path: string, cause: unknown): StoreError {
  if (codeOf(cause) === 'SQLITE_NOTADB') return storeErrors.notAStore(path);
  return storeErrors.failed(path, cause);
}

/** SQLite found that the file is not as it wrote it (https://sqlite.org/rescode.html#corrupt). */
function isDamage(cause: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(String(codeOf(cause)));
}

function codeOf(cause: unknown): unknown {
  return (cause as { code?: unknown } | null)?.code;
}

function whyNot(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EROFS') return 'is on a read-only file system';
  if (code === 'EACCES')
    return 'is read-only for you: its permissions do not let you read and write it';
  return `cannot be read and written (${messageOf(cause)})`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
