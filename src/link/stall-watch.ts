import { clockMs } from '../clock.ts';
import { guarded } from '../guarded.ts';
import { isDead, isStopped, type ProcessTable } from '../registry/process-table.ts';
import { isUsedUp, signalQueue } from '../registry/signal-queue.ts';
import { type LinkError, linkErrors } from './errors.ts';
import type { Transfer } from './transfer.ts';

/** How often a transfer without progress is looked at; ms. */
const LOOK_MS = 20;
/** A peer that is stopped for so long is given up; ms. Short enough to free the bus within a second. */
export const STOPPED_MS = 500;
/** A peer that runs but does not echo for so long is given up; ms. */
export const SILENT_MS = 1000;

export interface StallWatch {
  readonly table: ProcessTable;
  /** Called with each look. */
  onLook?(): void;
  /** How long the peer may keep silent; ms. */
  patience(): number;
  /** The peer ended, is stopped, or has said nothing for too long, or cannot be looked at. May be called again. */
  onFailed(error: unknown): void;
}

/** Looks after a transfer until `clearInterval` is called with what it returns. */
export function watchStall(transfer: Transfer, watch: StallWatch): NodeJS.Timeout {
  const { pid, start } = transfer.target;
  let echoes = transfer.echoes;
  let since = clockMs();
  const look = () => {
    const now = clockMs();
    watch.onLook?.();
    if (transfer.echoes !== echoes) {
      echoes = transfer.echoes;
      since = now;
      return;
    }
    const info = watch.table.read(pid);
    if (!info || info.start !== start || isDead(info)) watch.onFailed(linkErrors.gone(pid));
    else if (now - since > (isStopped(info) ? STOPPED_MS : watch.patience())) {
      watch.onFailed(unanswered(pid, transfer.echoes));
    }
  };
  return setInterval(guarded(look, watch.onFailed), LOOK_MS);
}

/** Why a process that lives does not answer: it may be that it, or we, cannot know whose signals come. */
export function unanswered(pid: number, echoes?: number): LinkError {
  for (const side of [pid, process.pid]) {
    const queue = signalQueue(side);
    if (isUsedUp(queue)) return linkErrors.noSignalQueue(side, queue);
  }
  return linkErrors.stalled(pid, echoes);
}
