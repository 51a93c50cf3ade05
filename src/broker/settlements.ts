import { Reason } from '../codec/reason.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Sender } from '../link/inbound.ts';
import { type Settle, Verb } from '../link/settlement.ts';
import type { Holdings } from './holdings.ts';
import type { Roster } from './roster.ts';

const OUTCOMES = {
  [Verb.Done]: 'done',
  [Verb.Failed]: 'failed',
  [Verb.Release]: 'release',
  [Verb.Dead]: 'dead',
} as const;

export interface SettlementsOptions {
  readonly roster: Pick<Roster, 'get'>;
  readonly holdings: Holdings;
  onDelivered(): void;
}

/** Takes consumers' settlements (docs/protocol.md, section 7). */
export class Settlements {
  readonly #options: SettlementsOptions;

  constructor(options: SettlementsOptions) {
    this.#options = options;
  }

  async take({ pid, start }: Sender, { id, attempt, verb }: Settle): Promise<Verdict> {
    const { roster, holdings, onDelivered } = this.#options;
    const consumer = roster.get(`${pid}:${start}`);
    if (!consumer) return Reason.Unknown;
    const verdict = await holdings.settle(consumer, id, { kind: OUTCOMES[verb] }, attempt);
    if (verdict === 0 && verb === Verb.Done) onDelivered();
    return verdict;
  }
}
