import { findBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { isNoBroker, untilAnswered } from './retry.ts';

export interface ClientOptions {
  /** Runtime directory; default: as on the command line. */
  readonly dir?: string | undefined;
  /** Wait for a broker if there is none. Default: fail. */
  readonly wait?: boolean | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The runtime directory in which a broker runs. If there is none, the caller learns that before the signals of its
 * threads are touched.
 * @throws SigmqError if the directory is missing or unsafe, or no broker runs there; the reason of `signal`
 */
export function directoryWithBroker(
  { dir, wait = false, signal }: ClientOptions,
  table: ProcessTable,
): Promise<string> {
  const attempt = async () => {
    const path = openRuntimeDir({ dir, env: process.env, create: wait });
    findBroker(path, table);
    return path;
  };
  return untilAnswered(attempt, (error) => wait && isNoBroker(error), signal);
}
