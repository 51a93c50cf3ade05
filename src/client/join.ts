import { setTimeout as sleep } from 'node:timers/promises';
import { Exit, SigmqError } from '../errors.ts';
import { consumerErrors } from './consumer-errors.ts';
import { nameBatches } from './name-batches.ts';
import type { Requester } from './requester.ts';
import { isNoBroker, untilAnswered } from './retry.ts';

/** Pause before a broker whose store is away is asked again, maybe by hundreds, for hours; ms. */
const NEXT_ASK_MS = 500;

/**
 * Has the broker make these groups, if they are not there; waits for a broker, and for its store. When it resolves, each
 * message that is sent from now on is for them, too.
 * @param onWait called once if the broker cannot make them now, with the reason
 * @throws SigmqError plain-broker, no-groups, or what the broker says; the reason of `signal`
 */
export async function joinGroups(
  requester: Pick<Requester, 'ask'>,
  names: readonly string[],
  onWait: (error: SigmqError) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let isSaid = false;
  for (const groups of nameBatches(names)) {
    const join = async () => {
      try {
        await requester.ask<unknown>({ op: 'join', groups }, signal);
        return true;
      } catch (error) {
        if (!isRefusedForNow(error)) throw error;
        if (!isSaid) onWait(consumerErrors.noGroupYet(error));
        isSaid = true;
        await sleep(NEXT_ASK_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
        return undefined;
      }
    };
    try {
      await untilAnswered(join, passes, signal);
    } catch (error) {
      const isUnknown = error instanceof SigmqError && error.exitCode === Exit.Usage;
      throw isUnknown ? consumerErrors.noGroups(error) : error;
    }
  }
}

/** It is stopped, its store is away, or its disk is full: what the broker itself says is to be tried again. */
function isRefusedForNow(error: unknown): error is SigmqError {
  const { code, exitCode } = error instanceof SigmqError ? error : {};
  return code === 'broker-stopped' || (code === 'request-failed' && exitCode === Exit.TryAgain);
}

/** Another broker may come, or this one may have time; but a plain peer stays one. */
function passes(error: unknown): boolean {
  const code = error instanceof SigmqError ? error.code : undefined;
  return code === 'no-answer' || (code !== 'plain-broker' && isNoBroker(error));
}
