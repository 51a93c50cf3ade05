import { type BigIntStats, rmdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Unchanged } from '../unchanged.ts';
import { registryErrors } from './errors.ts';
import { lockLibrary } from './lock-library.ts';

/**
 * A lock whose holder has not finished by then is taken over: the holder was killed or stopped. This is the default
 * of proper-lockfile, so others that hold the lock for long have time to renew it, which they do after half of it;
 * ms.
 */
const STALE_LOCK_MS = 10_000;
/**
 * A lock that looks old must stay unchanged for this long before it is taken over: ours are held for 1 ms, and
 * after the clock was set every lock looks old; ms.
 */
const STALE_LOOK_MS = 250;
/** For proper-lockfile: we deal with stale locks ourselves. */
const NEVER_MS = 100 * 365 * 24 * 3_600_000;
/** Longer than a stale lock takes, and than 100 processes that start at once and edit in turn; ms. */
const LOCK_WAIT_MS = 30_000;
/**
 * Pause before a try, random so that waiters do not run in step, and longer with each try so that many waiters do
 * not take the CPU from the holder; ms. A lock is held for about 1 ms.
 */
const FIRST_LOCK_PAUSE_MS = 5;
const LONGEST_LOCK_PAUSE_MS = 80;

const GONE = 'gone';

class LockLost extends Error {}

type LockSync = Awaited<ReturnType<typeof lockLibrary>>['lockSync'];

/**
 * Runs `critical` while no other process holds the lock of `file` (the directory `file`.lock, made by
 * proper-lockfile). It is synchronous, and so is taking the lock: the lock is held for a millisecond and needs no
 * renewal, and no other work of this process can make it longer.
 *
 * Two processes that find the same stale lock can both come to believe that they took it over, and a process that
 * was stopped for long has lost it. `assertHeld`, called just before what cannot be undone, notices that and starts
 * `critical` over.
 * @throws RegistryError lock-busy, cannot-write; what `critical` throws
 */
export async function withLock<T>(
  file: string,
  critical: (assertHeld: () => void) => T,
): Promise<T> {
  const { lockSync } = await lockLibrary();
  const deadline = clockMs() + LOCK_WAIT_MS;
  const watch = new LockWatch();
  for (let pause = FIRST_LOCK_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_LOCK_PAUSE_MS)) {
    const lock = take(file, lockSync);
    if (lock) {
      try {
        return critical(() => {
          if (identity(file) !== lock.id) throw new LockLost();
        });
      } catch (error) {
        if (!(error instanceof LockLost)) throw error;
      } finally {
        // A lock that is no longer ours belongs to another: leave it alone.
        if (identity(file) === lock.id) lock.release();
      }
    }
    if (watch.isStale(file)) {
      remove(file);
      continue;
    }
    if (clockMs() > deadline) throw registryErrors.lockBusy(file, LOCK_WAIT_MS);
    await sleep(1 + Math.random() * pause);
  }
}

/** Notices, by a clock that is never set, that a lock is not being renewed. */
class LockWatch {
  readonly #unchanged = new Unchanged();

  isStale(file: string): boolean {
    const stats = lockStats(file);
    if (!stats) return false;
    const looksOld = Number(stats.mtimeMs) < Date.now() - STALE_LOCK_MS;
    const unchangedMs = this.#unchanged.forMs(`${idOf(stats)} ${stats.mtimeNs}`);
    return unchangedMs > (looksOld ? STALE_LOOK_MS : STALE_LOCK_MS);
  }
}

/** Somebody else may have removed it already. */
function remove(file: string): void {
  try {
    rmdirSync(`${file}.lock`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw registryErrors.cannotWrite(`${file}.lock`, error);
  }
}

/** @returns undefined if another process has the lock */
function take(file: string, lockSync: LockSync): { id: string; release: () => void } | undefined {
  try {
    // onCompromised: a lost lock is noticed by assertHeld; the default would end the process.
    const times = { stale: NEVER_MS, update: STALE_LOCK_MS };
    const release = lockSync(file, { realpath: false, ...times, onCompromised: () => {} });
    const id = identity(file);
    return id === GONE ? undefined : { id, release };
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    // ENOENT past mkdir: someone took the lock for stale and removed it.
    if (code === 'ELOCKED' || (code === 'ENOENT' && syscall !== 'mkdir')) return undefined;
    throw registryErrors.cannotWrite(`${file}.lock`, error);
  }
}

/** Distinguishes a lock directory from the next one of the same name: inode numbers are reused, at once on ext4. */
function identity(file: string): string {
  const stats = lockStats(file);
  return stats ? idOf(stats) : GONE;
}

function lockStats(file: string): BigIntStats | undefined {
  return statSync(`${file}.lock`, { bigint: true, throwIfNoEntry: false });
}

function idOf({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}-${birthtimeNs}`;
}
