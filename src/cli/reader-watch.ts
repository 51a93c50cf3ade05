import { constants, openSync, readlinkSync } from 'node:fs';
import { loadAddon } from '../signals/addon.ts';
import { STDOUT } from './stdio.ts';

/**
 * Calls back once when stdout is a pipe whose reader is gone, as with `| head -1`; otherwise an idle consumer would
 * only notice at the next message. A FIFO with a name may get another reader, and a terminal ends with SIGHUP. Does
 * not keep the process alive.
 */
export function watchReader(onGone: () => void): void {
  const path = `/proc/self/fd/${STDOUT}`;
  const { addon } = loadAddon();
  try {
    if (!addon || !readlinkSync(path).startsWith('pipe:')) return;
    // By an open file of its own: watching a descriptor makes it non-blocking, and stdout is shared with others.
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    // If one does not ask for room, the only event at the writing end of a pipe is that nobody reads (poll(2)).
    addon.watch(fd, onGone, false);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') onGone(); // nobody reads it (fifo(7))
  }
}
