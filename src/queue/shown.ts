import type { Failure } from './failure.ts';
import { LISTED_REASON, type Stored } from './inspection.ts';
import type { OwnPolicy } from './policy.ts';

/** What a message says itself of its attempts; what it does not say is left out. */
export function ownPolicy({
  maxAttempts,
  backoffMs,
  deadTo,
}: OwnPolicy): Pick<Stored, 'maxAttempts' | 'backoffMs' | 'deadTo'> {
  return {
    ...(maxAttempts === null ? {} : { maxAttempts }),
    ...(backoffMs === null ? {} : { backoffMs }),
    ...(deadTo === null ? {} : { deadTo }),
  };
}

export function allFailures(failures: readonly Failure[]): Pick<Stored, 'failures'> {
  return failures.length > 0 ? { failures } : {};
}

/** As a list shows it. */
export function lastFailure(last: Failure | undefined): Pick<Stored, 'lastFailure'> {
  if (!last) return {};
  const { reason } = last;
  if (reason === undefined || reason.length <= LISTED_REASON) return { lastFailure: last };
  const start = [...reason.slice(0, LISTED_REASON * 2)].slice(0, LISTED_REASON).join('');
  return { lastFailure: { ...last, reason: `${start}…` } };
}
