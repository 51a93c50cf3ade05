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

/**
 * Tries until there is an answer, with a pause between two tries.
 * @param attempt returns undefined when it is to be tried again
 * @param passes whether another try may end otherwise than with this error
 * @throws an error that does not pass; the reason of `signal`
 */
export async function untilAnswered<T>(
  attempt: () => Promise<T | undefined>,
  passes: (error: unknown) => boolean,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      const answer = await attempt();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!passes(error)) throw error;
    }
    await sleep(NEXT_TRY_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}
