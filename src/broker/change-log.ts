import type { Row } from '../changes.ts';

/** Rows in one reply: a few frames. */
const MAX_ROWS_TOLD = 200;
/** What has gone is remembered, so that who knew it need not be told everything; this many. */
const MAX_GONE = 256;

type Key = string | number;

/** What is told to who knows everything up to a number. */
export interface Told {
  readonly at: number;
  readonly all: boolean;
  readonly more: boolean;
  readonly rows: readonly Row[];
  readonly gone: readonly Key[];
}

/**
 * Numbers each change of some rows, so that whoever asks again is told of what has changed since: nothing has to be
 * remembered of who asks. Each row begins with its key.
 */
export class ChangeLog {
  #at = 0;
  /** In the order of their last change. */
  readonly #rows = new Map<
    Key,
    { readonly row: Row; readonly text: string; readonly at: number }
  >();
  #gone: { readonly key: Key; readonly at: number }[] = [];
  /** Who knows less than this does not know what has gone. */
  #forgottenAt = 0;

  /** The rows as they are now. */
  look(rows: readonly Row[]): void {
    const left = new Set(this.#rows.keys());
    for (const row of rows) {
      const key = row[0] as Key;
      const text = JSON.stringify(row);
      left.delete(key);
      if (this.#rows.get(key)?.text === text) continue;
      this.#rows.delete(key);
      this.#rows.set(key, { row, text, at: ++this.#at });
    }
    for (const key of left) {
      this.#rows.delete(key);
      this.#gone.push({ key, at: ++this.#at });
    }
    this.#forgottenAt = this.#gone.at(-MAX_GONE - 1)?.at ?? this.#forgottenAt;
    this.#gone = this.#gone.slice(-MAX_GONE);
  }

  /** @param known what was told as `at`; 0: nothing is known */
  since(known: number): Told {
    const all = known < this.#forgottenAt || known > this.#at || known === 0;
    if (all) this.#renew();
    const after = all ? 0 : known;
    const changed = [...this.#rows.values()].filter(({ at }) => at > after);
    const told = changed.slice(0, MAX_ROWS_TOLD);
    const more = told.length < changed.length;
    const at = more ? (told.at(-1)?.at ?? 0) : this.#at;
    const gone = all ? [] : this.#gone.filter((one) => one.at > after && one.at <= at);
    return { at, all, more, rows: told.map(({ row }) => row), gone: gone.map(({ key }) => key) };
  }

  /** Told in pages, all rows must be newer than what is forgotten, or the second page would be the first again. */
  #renew(): void {
    const [oldest] = this.#rows.values();
    if (!oldest || oldest.at > this.#forgottenAt) return;
    for (const [key, one] of this.#rows) this.#rows.set(key, { ...one, at: ++this.#at });
  }
}
