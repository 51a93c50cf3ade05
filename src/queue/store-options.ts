import { optionErrors } from '../options/errors.ts';
import { checkNamed, checkOptions, isObject, type Kind, type Kinds } from '../options/kind.ts';
import { flag, fsync, oneOf, path, storeUrl } from '../options/kinds.ts';
import {
  maxAttempts,
  maxMessages,
  maxReleases,
  pause,
  storeSize,
  wait,
} from '../options/values.ts';
import type { StorePolicy } from './policy.ts';

/**
 * When a message is safe from a crash of the operating system: before it is confirmed, whenever the kernel writes
 * it, or within this many milliseconds.
 */
export type Fsync = 'always' | 'never' | number;

export type StoreOptions = { readonly [K in keyof StorePolicy]?: StorePolicy[K] | undefined } & (
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'sqlite';
      /** The folder of the store; made if necessary. */
      readonly folder: string;
      /** Default: `always`. */
      readonly fsync?: Fsync | undefined;
    }
  | {
      /** Shared by the brokers of several hosts. */
      readonly kind: 'postgres';
      /** `postgres://user@host/database?schema=NAME`, without a password. */
      readonly url: string;
      /** What a broker holds that says nothing goes to other brokers after this; ms; default: 10 s. */
      readonly leaseMs?: number | undefined;
    }
);

export const DEFAULT_LEASE_MS = 10_000;

const POLICY: Kinds<StorePolicy> = {
  maxMessages,
  maxBytes: storeSize,
  maxAttempts,
  maxReleases,
  backoffMs: pause,
  deadExpired: flag,
  maxDead: maxMessages,
  maxDeadBytes: storeSize,
  deadAgeMs: wait,
  agingMs: wait,
};

type Of<StoreKind> = Kinds<Extract<StoreOptions, { readonly kind: StoreKind }>>;
const MEMORY: Of<'memory'> = { kind: oneOf(['memory']), ...POLICY };
const SQLITE: Of<'sqlite'> = { kind: oneOf(['sqlite']), folder: path, fsync, ...POLICY };

const POSTGRES: Of<'postgres'> = {
  kind: oneOf(['postgres']),
  url: storeUrl,
  leaseMs: wait,
  ...POLICY,
};

/** A store as described by {@link StoreOptions}. */
export const storeOptions: Kind = {
  check(value) {
    if (!isObject(value)) throw optionErrors.badOption(value, 'an object with options');
    const options = value as StoreOptions;
    checkNamed('kind', options.kind, oneOf(['sqlite', 'memory', 'postgres']));
    if (options.kind === 'memory') {
      checkOptions(options, MEMORY);
      return;
    }
    if (options.kind === 'postgres') {
      checkNamed('url', options.url, storeUrl);
      checkOptions(options, POSTGRES);
      return;
    }
    checkNamed('folder', options.folder, path);
    checkOptions(options, SQLITE);
  },
};
