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
  [Verb.Return]: 'return',
  [Verb.Dead]: 'dead',
} as const;

export interface SettlementsOptions {
  readonly roster: Pick<Roster, 'get'>;
  readonly holdings: Holdings;
  /** Of the store: what a settlement means that names none. */
  readonly incarnation: number;
}

/** Takes consumers' settlements (docs/protocol.md, section 7). */
export class Settlements {
  readonly #options: SettlementsOptions;

  constructor(options: SettlementsOptions) {
    this.#options = options;
  }

  async take({ pid, start }: Sender, settle: Settle): Promise<Verdict> {
    const { roster, holdings } = this.#options;
    const { id, delivery, verb } = settle;
    const consumer = roster.get(`${pid}:${start}`);
    if (!consumer) return Reason.Unknown;
    const name = { incarnation: settle.incarnation ?? this.#options.incarnation, delivery };
    if (verb === Verb.Extend) return holdings.extend(consumer, id, name);
    return holdings.settle(consumer, id, { kind: OUTCOMES[verb] }, name);
  }
}
