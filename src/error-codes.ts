import type { producerErrors } from './client/errors.ts';
import type { CodecError } from './codec/codec-error.ts';
import { SigmqError as AnyError, type CodeOf } from './errors.ts';
import type { linkErrors } from './link/errors.ts';
import type { optionErrors } from './options/errors.ts';
import type { storeErrors } from './queue/errors.ts';
import type { registryErrors } from './registry/errors.ts';

/** The codes of all errors that the library throws, from the tables of their sentences. */
export type ErrorCode =
  | CodeOf<typeof CodecError>
  | CodeOf<typeof linkErrors>
  | CodeOf<typeof optionErrors>
  | CodeOf<typeof producerErrors>
  | CodeOf<typeof registryErrors>
  | CodeOf<typeof storeErrors>;

/** Base of all errors that the library throws on purpose: after `instanceof` the compiler knows the codes. */
export interface SigmqError extends AnyError {
  readonly code: ErrorCode;
}
export const SigmqError: abstract new (...args: never) => SigmqError = AnyError as never;
