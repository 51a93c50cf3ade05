import { clockMs } from '../clock.ts';
import type { Store } from '../queue/store.ts';
import type { DrainState } from '../status.ts';
import { drainState, isDrained } from './drain-state.ts';
import type { Intake } from './intake.ts';
import type { Journal } from './journal.ts';
import type { Roster } from './roster.ts';

/** Messages also expire, and nobody tells: how often the store is looked at; ms. */
const REMAINING_LOOK_MS = 250;
/** How often the log says what is still waited for; ms. */
const SAY_MS = 60_000;

export interface DrainOptions {
  readonly store: Pick<Store, 'counts' | 'delayedUntil'>;
  readonly roster: Pick<Roster, 'all'>;
  readonly intake: Pick<Intake, 'idle'>;
  /** Whether the store outlives the broker. */
  readonly keepsMessages: boolean;
  readonly journal: Journal;
}

/**
 * Waits until everything is given out and settled, delayed messages too. Dead ones stay, and, unless it is
 * told or they would be lost, what is in paused queues.
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

  /** @param paused wait for what is in paused queues, too; may be said again */
  begin(paused: boolean): void {
    if (this.#isOver) return;
    this.#paused = paused;
    this.#saidAt = Number.NEGATIVE_INFINITY;
    this.#timer ??= setInterval(() => void this.#look(), REMAINING_LOOK_MS);
    void this.#look();
  }

  /** @returns whether there was something to take back */
  cancel(): boolean {
    if (!this.isOn) return false;
    this.#end();
    this.#options.journal.say({ type: 'drain-cancelled' });
    return true;
  }

  /** The broker stops. */
  stop(): void {
    this.#isOver = true;
    this.#end();
  }

  async state(): Promise<DrainState> {
    const { store, roster, keepsMessages } = this.#options;
    const busy = roster.all.filter(({ inFlight }) => inFlight.size > 0);
    return drainState(await store.counts(), await store.delayedUntil(), {
      heldBy: busy.map(({ pid }) => pid),
      waitsForPaused: this.#paused || !keepsMessages,
      keepsMessages,
    });
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const { intake, journal } = this.#options;
    const timer = this.#timer;
    await intake.idle(); // what is being stored is to go out, too
    const state = await this.state().catch(journal.error);
    // What was true of a drain that was taken back meanwhile says nothing of the one after it.
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
