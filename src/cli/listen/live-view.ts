import type { PlainCoding } from '../../codec/plain-coding.ts';
import type { Size } from '../screen/screen.ts';
import type { HeardLog } from './heard-log.ts';
import { pictureOf, type Shown } from './picture.ts';

/** Between two bits in slow motion; ms. */
export const SLOW_MS = 250;
/** Slow motion begins with the last message, or so many signals ago at most. */
const MAX_REPLAY = 2000;

/** What of a log is shown: the newest, a moment that is frozen, or what was recorded, bit by bit. */
export class LiveView {
  warning = '';
  readonly #what: Pick<Shown, 'pid' | 'coding' | 'log'>;
  #mode: Shown['mode'] = 'live';
  #cursor = 0;

  constructor(pid: number, coding: PlainCoding, log: HeardLog) {
    this.#what = { pid, coding, log };
  }

  get isSlow(): boolean {
    return this.#mode === 'slow motion';
  }

  draw(size: Size): string[] {
    const { log } = this.#what;
    if (this.#mode === 'live') this.#cursor = log.count;
    this.#cursor = Math.max(this.#cursor, Math.min(log.first + 1, log.count));
    const { warning } = this;
    return pictureOf({ ...this.#what, cursor: this.#cursor, mode: this.#mode, warning }, size);
  }

  onKey(key: string): void {
    const { log } = this.#what;
    if (key === 'space') this.#mode = this.#mode === 'frozen' ? 'live' : 'frozen';
    else if (key === 's') this.#startSlow();
    else if (key === 'left' || key === 'right') {
      this.#mode = 'frozen';
      const next = this.#cursor + (key === 'left' ? -1 : 1);
      this.#cursor = Math.min(Math.max(next, log.first + 1), log.count);
    }
  }

  /** The next signal of slow motion: with its answer, if that comes next. */
  step(): void {
    const { log } = this.#what;
    this.#cursor++;
    while (log.get(this.#cursor)?.kind === 'echo') this.#cursor++;
    if (this.#cursor >= log.count) this.#mode = 'live';
  }

  /** From the beginning of the message that ended last, or of the one under way; or back from it. */
  #startSlow(): void {
    const { log } = this.#what;
    if (this.isSlow) {
      this.#mode = 'live';
      return;
    }
    if (log.count === 0) return;
    let at = this.#cursor - 1;
    for (let n = 0; n < MAX_REPLAY && at > log.first; n++, at--) {
      const isBegin = log.get(at)?.position === 0 && (at < this.#cursor - 1 || n > 0);
      const before = lastBit(log, at - 1);
      if (isBegin && (before === undefined || log.get(before)?.isEnd || log.get(at)?.lost)) break;
    }
    this.#cursor = Math.max(at, log.first) + 1;
    this.#mode = 'slow motion';
  }
}

function lastBit(log: HeardLog, from: number): number | undefined {
  for (let at = from; at >= log.first; at--) if (log.get(at)?.position !== undefined) return at;
  return undefined;
}
