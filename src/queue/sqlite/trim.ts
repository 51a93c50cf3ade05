import { statSync } from 'node:fs';
import type Database from 'libsql';
import { clockMs } from '../../clock.ts';
import type { DiskRoom } from './disk-room.ts';

/** If nobody has written for this long, it is a good moment; ms. */
const STORE_QUIET_MS = 1000;
/** A store that is never quiet gives room back after this, if most of it is free; ms. */
const TRIM_PATIENCE_MS = 60_000;
/** Pages given back at a time, a millisecond or two of work; nobody waits longer than that. */
const STEP_PAGES = 128;
/** Pause between two steps, in which everything else has its turn; ms. */
const STEP_PAUSE_MS = 5;
/** Free pages that may stay in the file, 256 KiB: the next messages will fill them. */
const KEPT_PAGES = 64;
/** Bytes of the log that may stay. */
const KEPT_LOG_BYTES = 256 << 10;
/**
 * If it fails, or somebody is reading the log, it is retried after a pause that doubles, up to this, then no more;
 * ms.
 */
const MAX_PAUSE_MS = 300_000;

export interface TrimOptions {
  readonly path: string;
  readonly db: Database.Database;
  readonly room: DiskRoom;
}

/**
 * Gives back to the disk the room that messages have left in the file and in its log: in small steps, when nobody
 * is writing. Has no timer as long as there is nothing to do.
 */
export class Trimmer {
  readonly #options: TrimOptions;
  #timer: NodeJS.Timeout | undefined;
  /** Somebody has written since the last look. */
  #isBusy = false;
  #busySince = 0;
  /** Pages at the end of the file are free; the file is truncated when the log is moved into it. */
  #isShorter = false;
  #stopped = false;

  constructor(options: TrimOptions) {
    this.#options = options;
  }

  /** Something is being written, or was written before this broker came. */
  touch(): void {
    this.#isBusy = true;
    if (this.#timer || this.#stopped) return;
    this.#busySince = clockMs();
    this.#set(STORE_QUIET_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #set(wait: number, pause = STORE_QUIET_MS): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const next = this.#look(pause);
      if (next !== undefined) this.#set(next.wait, next.pause);
    }, wait);
    this.#timer.unref();
  }

  /** @returns when to look again; undefined: all is done */
  #look(pause: number): { wait: number; pause?: number } | undefined {
    const isPatient = clockMs() - this.#busySince < TRIM_PATIENCE_MS;
    if (this.#isBusy && isPatient) {
      this.#isBusy = false;
      return { wait: STORE_QUIET_MS };
    }
    const retry = pause > MAX_PAUSE_MS ? undefined : { wait: pause, pause: 2 * pause };
    try {
      if (this.#giveBack()) return { wait: STEP_PAUSE_MS };
      if (!this.#cutLog()) return retry;
    } catch {
      // As with any write: the disk, or somebody who has locked the file for a moment.
      return retry;
    }
    if (!this.#isBusy) return undefined;
    this.#busySince = clockMs();
    this.#isBusy = false;
    return { wait: STORE_QUIET_MS };
  }

  /** One step. @returns whether there is more to do */
  #giveBack(): boolean {
    const { db, room } = this.#options;
    const free = count(db, 'freelist_count');
    if (free <= KEPT_PAGES) return false;
    if (this.#isBusy && free < count(db, 'page_count') / 2) return false;
    room.surely(() => db.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`));
    if (count(db, 'freelist_count') === free) return false;
    this.#isShorter = true;
    return true;
  }

  /** @returns false: it is in use */
  #cutLog(): boolean {
    const { db, path, room } = this.#options;
    const { size } = statSync(`${path}-wal`);
    if (size <= KEPT_LOG_BYTES && !this.#isShorter) return true;
    // On a full disk the log keeps its room: somebody else would take it.
    const mode = room.isScarce ? 'PASSIVE' : 'TRUNCATE';
    const row = db.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as Record<string, number>;
    if (row.busy !== 0 || row.checkpointed !== row.log) return false;
    this.#isShorter = false;
    return true;
  }
}

function count(db: Database.Database, name: 'freelist_count' | 'page_count'): number {
  const row = db.prepare(`PRAGMA ${name}`).get() as Record<string, number>;
  return row[name] ?? 0;
}
