import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BusFile } from '../../link/bus-record.ts';
import { quietly } from '../../quietly.ts';

/** Most holds are shorter than this, but there are many of them; ms. */
export const LOOK_MS = 50;

/** Who had the bus since the last time. */
export interface BusUse {
  /** The part of the time that somebody had it, 0 to 1; undefined: not known. */
  readonly busy: number | undefined;
  /** PID of who had it most; undefined: nobody had it. */
  readonly holder: number | undefined;
  /** How many processes wait for it. */
  readonly waiting: number;
}

/** A line of /proc/locks (proc(5)): number, kind, ADVISORY, WRITE, PID, device:inode, from, to. */
const LOCK = /^\d+: OFDLCK +\S+ +WRITE +-?\d+ [0-9a-f]+:[0-9a-f]+:(\d+) /gm;

/** Looks at the bus now and then, in its files: nobody is asked, and nobody kept waiting. */
export class BusWatch {
  readonly #dir: string;
  readonly #selfPid: number;
  #file: BusFile | undefined;
  #looks = 0;
  readonly #held = new Map<number, number>();

  constructor(dir: string, selfPid: number) {
    this.#dir = dir;
    this.#selfPid = selfPid;
  }

  look(): void {
    const holder = quietly(() => this.#holder());
    if (holder === undefined) return;
    this.#looks++;
    if (holder !== 0) this.#held.set(holder, (this.#held.get(holder) ?? 0) + 1);
  }

  /** What was seen since the last time. */
  use(): BusUse {
    const all = [...this.#held].sort(([, a], [, b]) => b - a);
    const seen = all.reduce((sum, [, count]) => sum + count, 0);
    const busy = this.#looks === 0 ? undefined : seen / this.#looks;
    const waiting = quietly(() => readdirSync(join(this.#dir, 'bus.wait')).length) ?? 0;
    this.#held.clear();
    this.#looks = 0;
    return { busy, holder: all[0]?.[0], waiting };
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** 0: nobody has it, or we do. */
  #holder(): number {
    if (this.#file?.isThere === false) this.close();
    this.#file ??= new BusFile(join(this.#dir, 'bus'));
    const inode = String(statSync(join(this.#dir, 'bus')).ino);
    const locks = readFileSync('/proc/locks', 'latin1').matchAll(LOCK);
    const isHeld = [...locks].some(([, locked]) => locked === inode);
    const { pid } = this.#file.read();
    return isHeld && pid !== this.#selfPid ? pid : 0;
  }
}
