import { dirname, join } from 'node:path';
import { Exit, SigmqError } from '../errors.ts';
import { lockHolder } from './lock-holder.ts';

/** The store cannot be opened, read or written. */
export class StoreError<Code extends string = string> extends SigmqError<Code> {}

/** The store holds as many messages or bytes as it may. */
export class StoreFull<Code extends string = string> extends SigmqError<Code> {}

const OTHER = 'Move it away, or name another folder with --data.';

/** The sentences of everything that can go wrong with the store. */
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
      'Where messages are kept is not known: HOME and XDG_STATE_HOME are not set, and this user has no home.',
      'Set one of them, or name a folder with --data.',
      cause,
    ),
  notAStore: (path: string) =>
    new StoreError('not-a-store', Exit.Config, `${path} is not a store of sigmq.`, OTHER),
  newer: (path: string, version: number, known: number) =>
    new StoreError(
      'newer-store',
      Exit.Config,
      `The store ${path} has version ${version}; this sigmq knows versions up to ${known}.`,
      'Use the newer sigmq, or name another folder with --data.',
    ),
  failed: (path: string, cause: unknown) =>
    isDamage(cause)
      ? new StoreError(
          'store-damaged',
          Exit.Config,
          `The store ${path} is damaged: ${messageOf(cause)}.`,
          'Save what can be read with `sqlite3 queue.db .recover`, then move it away.',
          cause,
        )
      : new StoreError(
          'store-failed',
          Exit.TryAgain,
          `The store ${path} cannot be written or read: ${messageOf(cause)}.`,
          'Make room on its file system and look at its permissions; nothing that was confirmed is lost.',
          cause,
        ),
};

/** SQLite found that the file is not what it wrote (https://sqlite.org/rescode.html#corrupt). */
function isDamage(cause: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(String((cause as { code?: unknown } | null)?.code));
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
