import { createRequire } from 'node:module';

/** What loading each of them adds to a start, which mostly does not need it; ms. */
interface Builtins {
  /** 5 */
  readonly net: typeof import('node:net');
  /** 5 */
  readonly tty: typeof import('node:tty');
  /** 4 */
  readonly worker_threads: typeof import('node:worker_threads');
  /** 4 */
  readonly zlib: typeof import('node:zlib');
  /** 0.2 */
  readonly os: typeof import('node:os');
  /** 0.2 */
  readonly util: typeof import('node:util');
}

/** A module of Node's, loaded when it is needed. */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return createRequire(import.meta.url)(`node:${name}`);
}
