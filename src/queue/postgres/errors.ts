import { Exit, SigmqError } from '../../errors.ts';
import { StoreAway, StoreError, StoreUnknown } from '../errors.ts';

/** What the driver says when there is no password to answer with. */
const NO_PASSWORD = /password must be a/i;
const WRONG_PASSWORD = '28P01';

/** The connection is not usable any more, or never was. */
export class ConnectionLost extends Error {
  /** The SQLSTATE of the server, if it said why. */
  readonly code: string | undefined;

  constructor(cause: unknown) {
    const isAskedForPassword = NO_PASSWORD.test(reasonOf(cause));
    super(isAskedForPassword ? 'it asks for a password, and none is given' : reasonOf(cause), {
      cause,
    });
    this.name = 'ConnectionLost';
    this.code = isAskedForPassword ? WRONG_PASSWORD : codeOf(cause);
  }
}

const SEE_LOG = 'See the log of the database; nothing that was confirmed is lost.';
const NOTHING_LOST =
  'Nothing that was confirmed is lost; the broker continues as soon as the database is back.';

/** The messages of everything that can go wrong with a store in PostgreSQL. */
export const postgresErrors = {
  badUrl: (why: string) =>
    new SigmqError(
      'bad-store-url',
      Exit.Usage,
      `The URL of the store cannot be used: ${why}.`,
      'Write it like postgres://user@host/database?schema=sigmq.',
    ),
  passwordInUrl: () =>
    new SigmqError(
      'bad-store-url',
      Exit.Usage,
      'The URL of the store contains a password, which others on this machine could see.',
      'Put it into PGPASSWORD, or into ~/.pgpass or the file that PGPASSFILE names.',
    ),
  noLibrary: (cause: unknown) =>
    new StoreError(
      'store-failed',
      Exit.Config,
      'The package pg, which speaks to PostgreSQL, cannot be loaded.',
      'Install sigmq again with its dependencies.',
      cause,
    ),
  olderBroker: (name: string, host: string, dir: string) =>
    new StoreError(
      'older-broker',
      Exit.Config,
      `The store ${name} has a broker of an earlier version, which knows no groups: ${host}:${dir}.`,
      'Restart that broker with this version; if it is gone, wait three minutes.',
    ),
  away: (name: string, cause: unknown) => {
    const [exit, hint] = ADVICE[codeOf(cause) ?? ''] ?? [Exit.TryAgain, NOTHING_LOST];
    return new StoreAway(
      'store-away',
      exit,
      `The store ${name} cannot be reached: ${reasonOf(cause)}.`,
      hint,
      cause,
    );
  },
  unknown: (name: string, cause: unknown) =>
    new StoreUnknown(
      'store-unknown',
      Exit.TryAgain,
      `The connection to the store ${name} broke before it said whether messages were stored: ${reasonOf(cause)}.`,
      'The senders get no answer, and ask again.',
      cause,
    ),
  failed: (name: string, cause: unknown) => {
    const [exit, hint] = ADVICE[codeOf(cause) ?? ''] ?? [Exit.TryAgain, SEE_LOG];
    return new StoreError(
      'store-failed',
      exit,
      `The store ${name} has refused an operation: ${reasonOf(cause)}.`,
      hint,
      cause,
    );
  },
  notUtf8: (name: string, encoding: string) =>
    new StoreError(
      'not-a-store',
      Exit.Config,
      `The database of ${name} has the encoding ${encoding}; sigmq needs UTF8.`,
      'Create one with `createdb --encoding UTF8 --template template0`.',
    ),
  notAStore: (name: string, schema: string) =>
    new StoreError(
      'not-a-store',
      Exit.Config,
      `The schema ${schema} of ${name} contains tables that are not those of sigmq.`,
      'Name another one with ?schema=.',
    ),
  newer: (name: string, version: number, known: number) =>
    new StoreError(
      'newer-store',
      Exit.Config,
      `The store ${name} has version ${version}; this sigmq knows versions up to ${known}.`,
      'Use the newer sigmq, or name another schema with ?schema=.',
    ),
  needsSession: (name: string) =>
    new StoreError(
      'store-failed',
      Exit.Config,
      `There is a pooler in front of ${name}, which gives every transaction another connection: nothing can be copied as of one moment.`,
      'Connect to the server itself.',
    ),
  unset: (queue: string) =>
    new StoreError(
      'store-failed',
      Exit.TryAgain,
      `Other brokers are changing the settings of queues again and again; those of ${queue} are as they were.`,
      'Try again in a moment.',
    ),
  inUse: (name: string) =>
    new StoreError(
      'store-in-use',
      Exit.TryAgain,
      `Another broker of this runtime directory is still connected to the store ${name}.`,
      'Try again in a moment.',
    ),
  otherStore: (name: string) =>
    new StoreError(
      'store-away',
      Exit.Config,
      `The database at ${name} is not the one that the broker started with.`,
      'Restart the broker, or bring the original database back.',
    ),
};

/** By SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html: what no waiting will change. */
const ADVICE: Readonly<Record<string, readonly [Exit, string]>> = {
  [WRONG_PASSWORD]: [
    Exit.NotPermitted,
    'Put the right password into PGPASSWORD, or into ~/.pgpass or the file that PGPASSFILE names.',
  ],
  '28000': [Exit.NotPermitted, 'Name another user in the URL, or allow this one in pg_hba.conf.'],
  '3D000': [Exit.Config, 'Create it with `createdb`, or name another one in the URL.'],
  '42939': [
    Exit.Config,
    "Name another schema with ?schema=; those that begin with pg_ are the system's own.",
  ],
  '42501': [
    Exit.NotPermitted,
    'Grant the user the right to create a schema in the database, or create it for them.',
  ],
};

/** Whether the server may have done what has failed: the connection broke when it was asked. */
export function wasAsked(error: unknown): boolean {
  return error instanceof StoreAway && error.wasAsked;
}

/** @returns the SQLSTATE of an error of the server, or the code of the system's error */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** Without a full stop. Never contains the password: neither the server nor the driver repeat it. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  return text.replace(/\.$/, '');
}
