import { type Failure, type FailureKind, reasonText } from './failure.ts';
import type { Outcome, Settled } from './message.ts';
import { backoff, type MessagePolicy, type OwnPolicy } from './policy.ts';

/** What decides what becomes of a message in a consumer's hands. */
export interface Held extends OwnPolicy {
  readonly queue: string;
  /** Attempts that failed, ever. */
  readonly attempts: number;
  /** Those of them that count. */
  readonly spent: number;
  readonly releases: number;
  readonly deliveries: number;
  /** Who has it: `PID:START TIME`. */
  readonly consumer: string | null;
}

type Counts = Pick<Held, 'attempts' | 'spent' | 'releases' | 'deliveries'>;

/** What a settlement makes of a message that stays. */
export interface After extends Counts {
  readonly state: Exclude<Settled, 'gone' | 'unknown' | 'unmade'>;
  /** When it falls due, if it is delayed; ms since the epoch. */
  readonly dueAt: number | null;
  /** To be kept with it: an attempt was spent, or it is dead. */
  readonly failure: Failure | undefined;
  /** It is dead, and goes on to this queue. */
  readonly moveTo: string | undefined;
}

export interface Circumstances {
  readonly policy: MessagePolicy;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly host: string;
  /** 0 to 1, drawn at random. */
  readonly chance: number;
}

type Staying = Exclude<Outcome, { readonly kind: 'done' | 'untaken' }>;

export function after(outcome: Staying, held: Held, circumstances: Circumstances): After {
  const { kind } = outcome;
  const { policy } = circumstances;
  const cost = kind === 'failed' || kind === 'lost' || kind === 'dead' ? 1 : 0;
  const spent = held.spent + cost;
  const releases = held.releases + (kind === 'release' ? 1 : 0);
  const state = stateAfter(kind, spent, releases, policy);
  const isFailure = cost > 0 || state === 'dead';
  return {
    state,
    attempts: held.attempts + cost,
    spent,
    releases,
    deliveries: held.deliveries + 1,
    dueAt:
      state === 'delayed' ? dueAfter(kind === 'release' ? releases : spent, circumstances) : null,
    failure: isFailure ? failureOf(outcome, held, circumstances) : undefined,
    moveTo: state === 'dead' ? policy.deadTo : undefined,
  };
}

function dueAfter(times: number, { policy, now, chance }: Circumstances): number {
  return Math.ceil(now + backoff(policy, times, chance));
}

function stateAfter(
  kind: Staying['kind'],
  spent: number,
  releases: number,
  { maxAttempts, maxReleases }: MessagePolicy,
): After['state'] {
  switch (kind) {
    case 'return':
      return 'ready';
    case 'release':
      return releases > maxReleases ? 'dead' : 'delayed';
    case 'lost':
      return spent >= maxAttempts ? 'dead' : 'ready';
    case 'failed':
      return spent >= maxAttempts ? 'dead' : 'delayed';
    case 'dead':
      return 'dead';
  }
}

const KINDS: Record<Exclude<Staying['kind'], 'return'>, FailureKind> = {
  failed: 'failed',
  lost: 'lost',
  dead: 'rejected',
  release: 'released',
};

function failureOf(
  outcome: Staying,
  { queue, attempts, releases, consumer }: Held,
  { now, host }: Circumstances,
): Failure | undefined {
  if (outcome.kind === 'return') return undefined;
  const pid = Number.parseInt(consumer ?? '', 10);
  const { kind } = outcome;
  const said = outcome.reason ?? (kind === 'release' ? givenBack(releases + 1) : undefined);
  return {
    kind: KINDS[kind],
    attempt: attempts + 1,
    at: Math.floor(now),
    queue,
    ...(pid > 0 ? { pid, host } : {}),
    ...(said ? { reason: reasonText(said) } : {}),
  };
}

const givenBack = (times: number) =>
  `It was given back ${times} times, more than --max-releases allows.`;
