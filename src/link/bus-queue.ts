import {
  type FSWatcher,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { clockMs } from '../clock.ts';
import { registryErrors } from '../registry/errors.ts';
import { isRunning, isStopped, type ProcessTable } from '../registry/process-table.ts';

/** A waiter that was touched less than this ago has the first right to a free bus; ms. */
const TURN_MS = 20;
/** Digits that keep names sorted by age: microseconds of CLOCK_MONOTONIC, 31 years of uptime. */
const STAMP_DIGITS = 15;

/** The line can do without: no room for a file, no descriptor, or the directory was removed. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOENT']);

/** The waiting room of the bus: `bus.wait/` (docs/protocol.md, section 5, *Turn*). */
export class BusQueue {
  readonly #dir: string;
  readonly #table: ProcessTable;
  readonly #now: () => number;

  /** @param now milliseconds of a clock that is never set, the same for all processes */
  constructor(dir: string, table: ProcessTable, now: () => number = clockMs) {
    this.#dir = dir;
    this.#table = table;
    this.#now = now;
    makeRoom(dir);
  }

  /**
   * Stands in line. `onTurn` is called when it may be our turn.
   * @returns undefined when there is no room for another file: then wait without a place
   */
  enter(stamp: number, start: number, onTurn: () => void): Ticket | undefined {
    const age = String(Math.floor(stamp * 1000)).padStart(STAMP_DIGITS, '0');
    const name = `${age}-${this.#table.selfPid}-${start}`;
    const path = join(this.#dir, name);
    try {
      writeFileSync(path, '', { mode: 0o600 });
    } catch (error) {
      rmSync(path, { force: true });
      if (hasCode(error, NO_ROOM)) return undefined;
      throw error;
    }
    return new Ticket(name, path, tryToWatch(path, onTurn));
  }

  /** Whether somebody older than `ticket` (nobody: than anyone) was told that it is his turn. */
  isOthersTurn(ticket: Ticket | undefined): boolean {
    const now = this.#now();
    for (const name of this.#names()) {
      if (ticket && name >= ticket.name) return false;
      try {
        if (Math.abs(now - statSync(join(this.#dir, name)).mtimeMs) < TURN_MS) return true;
      } catch {
        // it has had its turn and is gone
      }
    }
    return false;
  }

  /** Tells the oldest waiter that can act; forgets those that ended. */
  callNext(): void {
    for (const name of this.#names()) {
      const path = join(this.#dir, name);
      const waiter = parse(name);
      const info = waiter && this.#table.read(waiter.pid);
      try {
        if (!waiter || !isRunning(info, waiter.start)) unlinkSync(path);
        else if (!isStopped(info)) {
          // By a clock that is never set; a new file has the time of the wall clock, and so no turn.
          const now = this.#now() / 1000;
          lutimesSync(path, now, now);
          return;
        }
      } catch {
        // it left the line meanwhile
      }
    }
  }

  #names(): string[] {
    // What is no waiter's name is not ours: it has no turn, and stays.
    const names = readNames(this.#dir).filter(parse);
    return names.length > 1 ? names.sort() : names;
  }
}

/** A place in the line; leave it once. */
export class Ticket {
  readonly name: string;
  readonly #path: string;
  readonly #watcher: FSWatcher | undefined;

  constructor(name: string, path: string, watcher: FSWatcher | undefined) {
    this.name = name;
    this.#path = path;
    this.#watcher = watcher;
    watcher?.on('error', () => {});
  }

  /** Whether it hears of its turn; else it has to look, well within the time of a turn. */
  get hears(): boolean {
    return this.#watcher !== undefined;
  }

  leave(): void {
    this.#watcher?.close();
    try {
      unlinkSync(this.#path);
    } catch {
      // somebody took us for dead; the line is left either way
    }
  }
}

/**
 * Files are made and removed in there, so it must be a directory of the runtime directory itself and no
 * link to another. @throws RegistryError not-a-dir, cannot-create-dir
 */
function makeRoom(dir: string): void {
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw registryErrors.cannotCreateDir(dir, error);
  }
  if (!lstatSync(dir).isDirectory()) throw registryErrors.notADir(dir);
}

/**
 * None when somebody removed the runtime directory, or no descriptor is left to look with: that is no reason to
 * doubt what was transmitted.
 */
function readNames(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (hasCode(error, NO_ROOM)) return [];
    throw error;
  }
}

/** Undefined when there is no inotify instance or watch left (inotify(7)). */
function tryToWatch(path: string, onTurn: () => void): FSWatcher | undefined {
  try {
    return watch(path, onTurn);
  } catch {
    return undefined;
  }
}

function hasCode(error: unknown, codes: ReadonlySet<string>): boolean {
  return codes.has(String((error as NodeJS.ErrnoException).code));
}

function parse(name: string): { pid: number; start: number } | undefined {
  const match = /^\d+-(\d+)-(\d+)$/.exec(name);
  return match ? { pid: Number(match[1]), start: Number(match[2]) } : undefined;
}
