import { isUnavailable } from '../client/retry.ts';
import type { Published } from '../queue/message.ts';

const NOT_KNOWN: Published = { id: null, isDuplicate: false };

/**
 * What became of a message that was just confirmed, which it is whatever comes of asking: not known if there is no time
 * left, or the broker has ended, of which no other one learns it.
 */
export async function lastSentOf(
  ask: () => Promise<readonly Published[]>,
  signal: AbortSignal | undefined,
): Promise<Published> {
  try {
    const [sent = NOT_KNOWN] = await ask();
    return sent;
  } catch (error) {
    if (signal?.aborted || hasEnded(error)) return NOT_KNOWN;
    throw error;
  }
}

/** A plain broker is there, and says nothing. */
function hasEnded(error: unknown): boolean {
  return isUnavailable(error) && error.code !== 'plain-broker';
}
