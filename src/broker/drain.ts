import { clockMs } from '../clock.ts';
import type { Store } from '../queue/store.ts';
import type { DrainState } from '../status.ts';
import { drainState, isDrained } from './drain-state.ts';
import type { Intake } from './intake.ts';
import type { Journal } from './journal.ts';
import type { Roster } from './roster.ts';

/** Messages may also expire, which nobody reports: how often the store is checked; ms. */
const REMAINING_LOOK_MS = 250;
/** How often the log says what the drain is still waiting for; ms. */
const SAY_MS = 60_000;

export interface DrainOptions {
  readonly store: Pick<Store, 'counts' | 'delayedUntil' | 'isEmpty'>;
  readonly roster: Pick<Roster, 'all'>;
  readonly intake: Pick<Intake, 'idle'>;
  /** Whether the store outlives the broker. */
  readonly keepsMessages: boolean;
  readonly journal: Journal;
}

/**
 * Waits until everything has been delivered and settled, including delayed messages. Dead messages stay, and so
 * does what is in paused queues, unless it was asked for or would be lost.
 */
export class Drain {
  readonly #options: DrainOptions;
  #timer: NodeJS.Timeout | undefined;
  #paused = false;
  #saidAt = 0;
  #isOver = false;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  /** @param paused also wait for what is in paused queues; may be called again */
  begin(paused: boolean): void {
    if (this.#isOver) return;
    this.#paused = paused;
    this.#saidAt = Number.NEGATIVE_INFINITY;
    this.#timer ??= setInterval(() => void this.#look(), REMAINING_LOOK_MS);
    void this.#look();
  }

  /** @returns whether there was a drain to cancel */
  cancel(): boolean {
    if (!this.isOn) return false;
    this.#end();
    this.#options.journal.say({ type: 'drain-cancelled' });
    return true;
  }

  /** The broker is stopping. */
  stop(): void {
    this.#isOver = true;
    this.#end();
  }

  /** @param paused as for {@link begin} */
  async state(paused = this.#paused): Promise<DrainState> {
    const { store, roster, keepsMessages } = this.#options;
    const busy = roster.all.filter(({ inFlight }) => inFlight.size > 0);
    return drainState(await store.counts(), await store.delayedUntil(), {
      heldBy: busy.map(({ pid }) => pid),
      waitsForPaused: paused || !keepsMessages,
      keepsMessages,
    });
  }

  /** Undefined: it goes on, and that was said not long ago. Counting is not for a loop. */
  async #news(): Promise<DrainState | undefined> {
    const { store, keepsMessages } = this.#options;
    const isNews =
      clockMs() - this.#saidAt >= SAY_MS || (await store.isEmpty(this.#paused || !keepsMessages));
    return isNews ? this.state() : undefined;
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const { intake, journal } = this.#options;
    const timer = this.#timer;
    await intake.idle(); // what is being stored has to be delivered too
    const state = await this.#news().catch(journal.error);
    // What was found out for a drain that has since been cancelled says nothing about the next one.
    if (!state || !this.isOn || this.#timer !== timer) return;
    if (isDrained(state)) {
      this.stop();
      journal.drained(state);
    } else if (clockMs() - this.#saidAt >= SAY_MS) {
      this.#saidAt = clockMs();
      journal.say({ type: 'draining', state });
    }
  }
}
