import { clockMs } from '../clock.ts';
import { isDead, isStopped, type ProcessTable } from '../registry/process-table.ts';
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
  /** The peer ended, is stopped, or has said nothing for too long. May be called again. */
  onFailed(error: LinkError): void;
}

/** Looks after a transfer until `clearInterval` is called with what it returns. */
export function watchStall(transfer: Transfer, watch: StallWatch): NodeJS.Timeout {
  const { pid, start } = transfer.target;
  let echoes = transfer.echoes;
  let since = clockMs();
  return setInterval(() => {
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
      watch.onFailed(linkErrors.stalled(pid, transfer.echoes));
    }
  }, LOOK_MS);
}
