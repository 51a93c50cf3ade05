import {
  type FSWatcher,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  type Stats,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { registryErrors } from '../registry/errors.ts';
import { isRunning, isStopped, type ProcessTable } from '../registry/process-info.ts';

/** Digits that keep names sorted by age: microseconds of CLOCK_MONOTONIC, 31 years of uptime. */
const STAMP_DIGITS = 15;

/** The line can do without: no room for a file, no descriptor, or the directory was removed. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOENT']);

/** The file of a waiter is gone. */
const LEFT: ReadonlySet<string> = new Set(['ENOENT']);

/** The waiting room of the bus: `bus.wait/` (docs/protocol.md, section 5, *Turn*). */
export class BusQueue {
  readonly #dir: string;
  readonly #table: ProcessTable;

  constructor(dir: string, table: ProcessTable) {
    this.#dir = dir;
    this.#table = table;
    makeRoom(dir);
  }

  /**
   * Stands in line.
   * @param onTurn is called when it may be our turn; undefined: the caller looks
   * @returns undefined when there is no room for another file: then wait without a place
   */
  enter(stamp: number, start: number, onTurn?: () => void): Ticket | undefined {
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
    return new Ticket(path, onTurn && tryToWatch(path, onTurn));
  }

  /** The oldest waiter that can act; undefined if there is none. Forgets those that ended. */
  next(): Waiter | undefined {
    for (const name of this.#names()) {
      const path = join(this.#dir, name);
      const waiter = parse(name);
      if (!waiter) continue; // not a waiter's name: leave it alone
      const info = this.#table.read(waiter.pid);
      if (!isRunning(info, waiter.start)) forget(path);
      else if (!isStopped(info)) return { pid: waiter.pid, path };
    }
    return undefined;
  }

  #names(): string[] {
    const names = readNames(this.#dir);
    return names.length > 1 ? names.sort() : names;
  }
}

/** Who waits for the bus. */
export interface Waiter {
  readonly pid: number;
  readonly path: string;
}

/** Any change of its file wakes a waiter. @returns false if it has left the line meanwhile */
export function call({ path }: Waiter): boolean {
  try {
    const now = Date.now() / 1000;
    lutimesSync(path, now, now);
    return true;
  } catch (error) {
    return !hasCode(error, LEFT);
  }
}

function forget(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // another process has done so
  }
}

/** A place in the line; leave it once. */
export class Ticket {
  readonly path: string;
  readonly #watcher: FSWatcher | undefined;

  constructor(path: string, watcher: FSWatcher | undefined) {
    this.path = path;
    this.#watcher = watcher;
    watcher?.on('error', () => {});
  }

  /** Whether it hears of its turn; else it has to look, well within the time of a turn. */
  get hears(): boolean {
    return this.#watcher !== undefined;
  }

  leave(): void {
    this.#watcher?.close();
    forget(this.path); // it may be gone: another process took us for dead
  }
}

/**
 * Files are made and removed in there, so it must be a directory of the runtime directory itself and no
 * link to another. @throws RegistryError not-a-dir, cannot-create-dir
 */
function makeRoom(dir: string): void {
  const found = lstatSync(dir, { throwIfNoEntry: false }) ?? made(dir);
  if (!found.isDirectory()) throw registryErrors.notADir(dir);
}

/** Or another process has made it meanwhile. */
function made(dir: string): Stats {
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw registryErrors.cannotCreateDir(dir, error);
  }
  return lstatSync(dir);
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
