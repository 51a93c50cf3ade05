import type { SigmqError } from '../errors.ts';
import { LongTimer } from '../long-timer.ts';
import { producerErrors } from './errors.ts';

/** Until when something may take. */
export class Deadline {
  /** Aborted when the time is over, or when the caller's signal is; undefined: never. */
  readonly signal: AbortSignal | undefined;
  readonly #timer: LongTimer | undefined;

  /**
   * @param timeoutMs from now on; undefined: for ever
   * @param over what happens then
   */
  constructor(
    timeoutMs: number | undefined,
    signal?: AbortSignal,
    over: (ms: number) => SigmqError = producerErrors.timeout,
  ) {
    this.signal = signal;
    if (timeoutMs === undefined) return;
    const own = new AbortController();
    this.signal = signal ? AbortSignal.any([signal, own.signal]) : own.signal;
    this.#timer = new LongTimer(() => own.abort(over(timeoutMs)), timeoutMs);
  }

  /** It would keep the process alive. */
  clear(): void {
    this.#timer?.clear();
  }
}
