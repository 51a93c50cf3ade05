import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bit } from '../codec/signal-codec.ts';
import { Memory } from './memory.ts';

/** The package's folder, seen from the bundles (dist/cli/, dist/lib/) and from dist/src/signals/. */
const PLACES = ['../..', '../../..'];

/** A descriptor that the event loop watches; opaque. */
export type Watcher = { readonly watcher: unique symbol };

/** What {@link Addon.exchange} returns other than a signal. */
export const Exchange = {
  /** No signal in time. */
  None: 0,
  /** The process of `pidfd` has ended. */
  Ended: -1,
  /** All is well, but the event loop has not had its turn for 5 ms. */
  More: -2,
  /**
   * There was a pause, and the bus, or the peer, may be gone (see GAP_NS in native/exchange.c): nothing has been
   * sent since.
   */
  Gap: -3,
  /** The process to send to does not exist, or is not ours: that of the answer, if there is one, or of the run. */
  Unreachable: -4,
} as const;

/** What it does by a model, one of each kind at a time; native/pack.c. */
export const Coding = { Packing: 0, Unpacking: 1 } as const;
export type Coding = (typeof Coding)[keyof typeof Coding];

/** What the addon offers (src/signals/native/sigmq.c). */
export interface Addon {
  /** Blocks both signals in this thread, and prepares {@link nudgeThreads} for the others. 0 or an errno. */
  block(): number;
  /**
   * Makes each thread of this process that leaves one of the two open block both, soon. @returns how many there were,
   * or a negative errno
   */
  nudgeThreads(): number;
  /** What {@link exchange} has to do and has done: see {@link Memory}. */
  readonly memory: ArrayBuffer;
  /**
   * Sends what is due to the main threads of echo peers, then waits `us` for each signal (not if `us` is negative).
   * Continues by itself as long as the signals are the expected echoes of the run, or bits that may be echoed.
   * @returns `pid * 2 + bit` of the first other signal, or of the run's last echo; or one of {@link Exchange}
   */
  exchange(us: number, pidfd: number): number;
  /** Forgets the pause that {@link Exchange.Gap} reported. */
  clearGap(): void;
  /** A descriptor that always refers to that process, and becomes readable when it ends; or -1. */
  pidfd(pid: number): number;
  /** Sends a bit to a process by its descriptor, as kill(2) does. 0 or an errno. */
  signal(pidfd: number, bit: Bit): number;
  /** 1 when a write of up to PIPE_BUF (4096) bytes to `fd` would not block, now or within `ms` milliseconds. */
  writable(fd: number, ms: number): number;
  /** Locks (1) or unlocks (0) one byte for this open file description. 0 or an errno. */
  lock(fd: number, offset: number, on: 0 | 1): number;
  /** Takes a shared lock of flock(2) until `fd` is closed; does not wait. 0 or an errno. */
  shareLock(fd: number): number;
  /**
   * Sets how many descriptors this process, and a child that it starts, may have open. @returns the previous limit,
   * or -1
   */
  openFiles(soft: number): number;
  /** Moves the position of the next write this many bytes towards the start of the file. 0 or an errno. */
  seekBack(fd: number, bytes: number): number;
  /** A pipe, closed when another program is run: the ends to read from and to write to; undefined: there is none. */
  pipe(): readonly [reader: number, writer: number] | undefined;
  /** Bytes of a model for {@link beginCoding}; one of zeros has learned nothing. */
  readonly modelBytes: number;
  /**
   * Begins to pack `bytes` into `room`, or to unpack them, by what the model has learned, and teaches it; in place of
   * what is under way of the same kind. It goes on while {@link exchange} waits for signals; until {@link endCoding} or
   * {@link dropCoding}, touch none of the three. @returns 0; -1: that is no model
   */
  beginCoding(kind: Coding, model: Uint8Array, bytes: Uint8Array, room: Uint8Array): number;
  /** So many of the bytes that are to be unpacked are there by now. */
  feedCoding(bytes: number): void;
  /**
   * Does the rest; what was not fed counts as zeros. @returns how much of `room` is filled; -1: it is too small, or
   * nothing is under way
   */
  endCoding(kind: Coding): number;
  /** Does no more of it. What the model has learned is not defined. */
  dropCoding(kind: Coding): void;
  /** A descriptor for {@link awaitChange}, which fs.watch would need an event loop for; -1: there is none left. */
  watchFile(path: string): number;
  /** Waits up to `ms` for anything to happen to that file (-1: just waits). @returns 1 if it did, otherwise 0 */
  awaitChange(fd: number, ms: number): number;
  /** Ends this process at once: nobody is told, and nothing that is still to be written is. */
  exit(code: number): never;
  /** Milliseconds of CLOCK_MONOTONIC. */
  monotonic(): number;
  /**
   * Calls back while `fd` is readable (-1: one of the two signals is pending); owns `fd`.
   * @throws Error if the event loop can watch no other descriptor
   */
  watch(fd: number, callback: () => void, keepAlive: boolean): Watcher;
  /** Whether the event loop watches it; on after {@link watch}. */
  arm(watcher: Watcher, on: boolean): void;
  /** Call it once per watcher. */
  unwatch(watcher: Watcher): void;
}

/** What the file contains: an addon of our version, or of any other. */
type Built = Addon & { readonly layout?: string };

export type AddonResult =
  | { readonly addon: Addon; readonly why?: undefined }
  | { readonly addon?: undefined; readonly why: string };

let loaded: AddonResult | undefined;

/** Loads the addon once; if there is none, `why` says the reason as part of a sentence. Never throws. */
export function loadAddon(): AddonResult {
  loaded ??= load();
  return loaded;
}

function load(): AddonResult {
  const { arch, platform } = process; // node:process would have to be loaded
  if (platform !== 'linux') return { why: `there is no addon for ${platform}` };
  if (process.env.SIGMQ_PLAIN === '1') return { why: 'SIGMQ_PLAIN=1 is set' };
  const here = folder();
  const file = `prebuilds/linux-${arch}/sigmq.node`;
  const path = PLACES.map((place) => join(here, place, file)).find((path) => existsSync(path));
  if (!path) return { why: `the package has no addon for linux-${arch}` };
  try {
    return asExpected(createRequire(import.meta.url)(path) as Built);
  } catch (error) {
    return { why: (error as Error).message.split('\n')[0] ?? '' };
  }
}

/** Of the file that has this code. In the executables it is known by its path (scripts/bundle.mjs). */
function folder(): string {
  const here = import.meta.url;
  return dirname(here.startsWith('file:') ? fileURLToPath(here) : here);
}

/** An addon of another version than this code would mistake one number in the memory for another. */
function asExpected(addon: Built): AddonResult {
  const { memory, layout = '' } = addon;
  if (memory?.byteLength === Memory.bytes && Memory.isLaidOutAs(layout)) return { addon };
  return { why: 'the addon and sigmq are of different versions: their memory layouts differ' };
}
