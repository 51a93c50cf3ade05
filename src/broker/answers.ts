import { clockMs } from '../clock.ts';
import type { Sender } from '../link/inbound.ts';
import type { QueueCounts, Store } from '../queue/store.ts';
import { VERSION } from '../version.ts';
import type { Counters } from './counters.ts';
import type { Intake } from './intake.ts';
import type { BrokerAnswers } from './requests.ts';
import type { Roster } from './roster.ts';

/** What a broker says of itself. */
export interface BrokerStatus {
  readonly pid: number;
  readonly version: string;
  readonly dir: string;
  readonly store: string;
  readonly uptimeMs: number;
  /** It takes no new messages and stops when it is empty. */
  readonly draining: boolean;
  /** Why it serves plain peers only. */
  readonly plainBecause: string | null;
  /** Messages since its start. */
  readonly accepted: number;
  readonly delivered: number;
  readonly queues: readonly QueueCounts[];
  readonly consumers: readonly {
    readonly pid: number;
    readonly kind: 'echo' | 'plain';
    readonly queues: readonly string[];
    readonly jobs: number;
    readonly holding: number;
  }[];
}

export interface AnswersOptions {
  readonly dir: string;
  readonly plainBecause: string | undefined;
  readonly store: Store;
  readonly roster: Roster;
  readonly intake: Intake;
  readonly counters: Counters;
  /** No new messages are taken any more. */
  onDraining(): void;
  onStop(): void;
}

/** What a broker answers to requests that are about itself. */
export class Answers implements BrokerAnswers {
  readonly #options: AnswersOptions;
  readonly #startedAt = clockMs();

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  async status(): Promise<BrokerStatus> {
    const { dir, plainBecause, store, roster, intake, counters } = this.#options;
    return {
      pid: process.pid,
      version: VERSION,
      dir,
      store: store.name,
      uptimeMs: Math.round(clockMs() - this.#startedAt),
      draining: intake.draining,
      plainBecause: plainBecause ?? null,
      accepted: counters.totals.accepted,
      delivered: counters.totals.delivered,
      queues: await store.counts(),
      consumers: roster.all.map(({ pid, kind, queues, slots, holding }) => ({
        pid,
        kind,
        queues,
        jobs: slots,
        holding: holding.size,
      })),
    };
  }

  async waiting({ pid, start }: Sender, queues: ReadonlySet<unknown>): Promise<number> {
    const { store, roster } = this.#options;
    const counts = await store.counts();
    const open = counts.filter(({ queue, paused }) => !paused && queues.has(queue));
    const held = roster.get(`${pid}:${start}`)?.holding.size ?? 0;
    return open.reduce((sum, { ready }) => sum + ready, held);
  }

  lastIds(sender: Sender): readonly number[] {
    return this.#options.intake.lastIds(sender);
  }

  drain(): void {
    this.#options.intake.draining = true;
    this.#options.onDraining();
  }

  stop(): void {
    this.#options.onStop();
  }
}
