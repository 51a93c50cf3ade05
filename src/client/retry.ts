import { setTimeout as sleep } from 'node:timers/promises';
import { Exit, SigmqError } from '../errors.ts';

/** Pause before the next try; ms. */
const NEXT_TRY_MS = 50;

/** No broker is running, it went away, or it is about to; or our own link is closed. */
export function isUnavailable(error: unknown): error is SigmqError {
  return error instanceof SigmqError && error.exitCode === Exit.Unavailable;
}

/** Another broker may come. If it was our own link that closed, there is no point in waiting. */
export function isNoBroker(error: unknown): boolean {
  return isUnavailable(error) && error.code !== 'link-closed';
}

/** Between two tries. @throws the reason of `signal` */
export async function untilNextTry(signal: AbortSignal | undefined): Promise<void> {
  await sleep(NEXT_TRY_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
}
