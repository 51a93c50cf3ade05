/** What is to be seen of a recording that may grow, and how keys change it: pure but for its state. */
import type { Size } from '../screen/screen.ts';
import { type Recording, timeText, titleOf } from './recording.ts';
import { indexAt } from './spans.ts';
import { type Drawable, drawable, MIN_COLUMNS, STRIP_LINES, strips, usualScale } from './wave.ts';

/** A key zooms by so much. */
const ZOOM = 2;
const LEAST_US_PER_COLUMN = 0.5;
const MOST_US_PER_COLUMN = 1e8;
const HEAD_LINES = 2;
const KEYS = '+ - zoom   ← → ↑ ↓ move   n p byte   home end   f follow   q quit';

/** What goes through all signals, and is not done for each picture: only when there are more of them. */
interface Drawn {
  readonly count: number;
  readonly picture: Drawable;
  /** What suits them. */
  readonly usPerColumn: number;
}

export class ScopeView {
  #recording: Recording | undefined;
  #drawn: Drawn | undefined;
  #from = 0;
  /** Undefined: whatever suits what has been recorded. */
  #usPerColumn: number | undefined;
  #follows = true;
  /** Of a strip, as it was drawn last; µs. */
  #span = 1;
  #count = 1;

  /** @param recording undefined: there is none yet */
  show(recording: Recording | undefined): void {
    this.#recording = recording;
    this.#drawn = undefined;
  }

  draw({ columns, rows }: Size, name: string): string[] {
    const recording = this.#recording;
    if (!recording || recording.pulses.length === 0)
      return [`${name}: waiting for signals`, '', ...Array(Math.max(0, rows - 3)).fill(''), KEYS];
    const usPerColumn = this.#scale(recording);
    const width = Math.max(MIN_COLUMNS, columns);
    this.#count = Math.max(1, Math.floor((rows - HEAD_LINES - 1) / STRIP_LINES));
    this.#span = (width - 8) * usPerColumn;
    if (this.#follows) this.#from = this.#lastView(recording);
    const { picture } = this.#drawnOf(recording);
    const lines = [
      `${name}: ${this.#follows ? 'following, ' : ''}${titleOf(recording)}; 1 column is ${timeText(usPerColumn)}`,
      '',
    ];
    let drawn = 0;
    for (const strip of strips(picture, { from: this.#from, usPerColumn, columns: width })) {
      if (drawn++ === this.#count) break;
      lines.push(...strip.lines, '');
    }
    while (lines.length < rows - 1) lines.push('');
    return [...lines.slice(0, rows - 1), KEYS];
  }

  onKey(key: string): void {
    const recording = this.#recording;
    if (!recording) return;
    const before = this.#from;
    if (key === '+' || key === '=') this.#zoom(recording, 1 / ZOOM);
    else if (key === '-' || key === '_') this.#zoom(recording, ZOOM);
    else if (key === 'f') this.#follows = !this.#follows;
    else if (key === 'left') this.#from -= this.#span / 4;
    else if (key === 'right') this.#from += this.#span / 4;
    else if (key === 'up') this.#from -= this.#span;
    else if (key === 'down') this.#from += this.#span;
    else if (key === 'pageup') this.#from -= this.#span * this.#count;
    else if (key === 'pagedown') this.#from += this.#span * this.#count;
    else if (key === 'home') this.#from = 0;
    else if (key === 'end') this.#from = this.#lastView(recording);
    else if (key === 'n') this.#from = this.#neighbour(recording, 1);
    else if (key === 'p') this.#from = this.#neighbour(recording, -1);
    const last = recording.pulses.at(-1)?.at ?? 0;
    this.#from = Math.min(Math.max(0, this.#from), last);
    if (this.#from !== before) this.#follows = false;
  }

  #scale(recording: Recording): number {
    return this.#usPerColumn ?? this.#drawnOf(recording).usPerColumn;
  }

  /** What is at the left edge stays there. */
  #zoom(recording: Recording, factor: number): void {
    const wanted = this.#scale(recording) * factor;
    this.#usPerColumn = Math.min(MOST_US_PER_COLUMN, Math.max(LEAST_US_PER_COLUMN, wanted));
  }

  /** So that the last strip ends a little behind the last signal; the ones before may leave out where nothing happens. */
  #lastView({ pulses }: Recording): number {
    let from = Number.POSITIVE_INFINITY;
    for (let strip = 0; strip < this.#count; strip++) {
      const before = pulses[indexAt(pulses, from) - 1];
      if (!before) break;
      const isNear = before.at >= from - this.#span;
      from = isNear ? from - this.#span : before.at - this.#span * 0.9;
    }
    return Math.max(0, from);
  }

  /** Where the next byte begins, or the one before. */
  #neighbour(recording: Recording, step: 1 | -1): number {
    const { pulses } = recording;
    const here = indexAt(pulses, this.#from);
    // What is at the edge now is not the next one.
    let at = pulses[here]?.at === this.#from || step === -1 ? here + step : here;
    while (pulses[at] && pulses[at]?.position !== 0) at += step;
    return pulses[at]?.at ?? this.#from;
  }

  #drawnOf(recording: Recording): Drawn {
    const { pulses } = recording;
    if (this.#drawn?.count !== pulses.length) {
      const usPerColumn = usualScale(pulses);
      this.#drawn = { count: pulses.length, picture: drawable(recording), usPerColumn };
    }
    return this.#drawn;
  }
}
