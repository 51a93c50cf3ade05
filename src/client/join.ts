import { Exit, SigmqError } from '../errors.ts';
import { consumerErrors } from './errors.ts';
import { nameBatches } from './name-batches.ts';
import type { Requester } from './requester.ts';
import { isNoBroker, untilAnswered } from './retry.ts';

/**
 * Has the broker make these groups, if they are not there; waits for a broker. When it resolves, each message that is
 * sent from now on is for them, too.
 * @throws SigmqError plain-broker, no-groups, or what the broker says; the reason of `signal`
 */
export async function joinGroups(
  requester: Pick<Requester, 'ask'>,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const groups of nameBatches(names)) {
    const join = async () => {
      await requester.ask<unknown>({ op: 'join', groups }, signal);
      return true;
    };
    try {
      await untilAnswered(join, passes, signal);
    } catch (error) {
      const isUnknown = error instanceof SigmqError && error.exitCode === Exit.Usage;
      throw isUnknown ? consumerErrors.noGroups(error) : error;
    }
  }
}

/** Another broker may come, or this one may have time; but a plain peer stays one. */
function passes(error: unknown): boolean {
  const code = error instanceof SigmqError ? error.code : undefined;
  return code === 'no-answer' || (code !== 'plain-broker' && isNoBroker(error));
}
