import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { type Bit, bitAt } from '../codec/signal-codec.ts';
import { isRunning, isStopped, type ProcessTable } from '../registry/process-info.ts';
import { vetTarget } from '../registry/vet.ts';
import { linkErrors } from './errors.ts';
import type { PlainTarget } from './transfer.ts';

/** Least time between two bits to a plain peer; ms (docs/protocol.md, section 3). */
const BIT_MS = 1;
/**
 * How long to wait for a peer that is still running after a bit: interpreters run their handlers late,
 * and two signals that wait for a late handler can change places. Past this the peer is simply busy; ms.
 */
const BUSY_MS = 20;
/** A peer that is stopped, or leaves a signal pending, for so long is reported as stalled; ms. */
const STALLED_MS = 700;

export interface PacedOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((sentBits: number, totalBits: number) => void) | undefined;
  /**
   * Called once when the peer does not take its signals. A plain peer cannot be told that a frame was
   * given up, so the rest is sent when it continues. Throw to give up all the same.
   */
  readonly onStalled?: (() => void) | undefined;
}

/**
 * Sends one frame (with its zero byte) to a plain peer: at least 1 ms between bits, and none before the
 * one before has been taken.
 * @param sendBit by kill(2), if nothing better is known
 * @throws LinkError peer-gone, unsafe-target; the reason of `signal`
 */
export async function sendPaced(
  target: PlainTarget,
  frame: Uint8Array,
  table: ProcessTable,
  options: PacedOptions = {},
  sendBit: (bit: Bit) => void = byPid(target.pid),
): Promise<void> {
  const vetted = vetTarget(target.pid, target, table);
  if (!vetted.ok) throw linkErrors.unsafe(target.pid, vetted.why);
  const { signal } = options;
  const total = frame.length * 8;
  let isStalled = false;
  for (let i = 0; i < total; i++) {
    // Before the first one, too: it may be the last of the frame before that is still pending there.
    for (const since = clockMs(); !(await isReady(target, table, since, signal)); ) {
      if (isStalled || clockMs() - since <= STALLED_MS) continue;
      options.onStalled?.();
      isStalled = true;
    }
    signal?.throwIfAborted();
    try {
      sendBit(bitAt(frame, i));
    } catch {
      throw linkErrors.gone(target.pid);
    }
    options.onProgress?.(i + 1, total);
  }
}

/** Sends by kill(2): all there is without the addon. */
export function byPid(pid: number): (bit: Bit) => void {
  return (bit) => process.kill(pid, bit === 0 ? 'SIGUSR1' : 'SIGUSR2');
}

/** After the time of a bit: whether the peer has taken the last one, and is ready for the next. */
async function isReady(
  target: PlainTarget,
  table: ProcessTable,
  since: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  await sleep(BIT_MS);
  signal?.throwIfAborted();
  const info = table.read(target.pid);
  if (!isRunning(info, target.start)) throw linkErrors.gone(target.pid);
  if (info.catchesBoth === false) throw linkErrors.unsafe(target.pid, 'would-be-killed');
  if (info.pending || isStopped(info)) return false;
  return info.state !== 'R' || clockMs() - since > BUSY_MS;
}
