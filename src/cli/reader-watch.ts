import { constants, openSync, readlinkSync } from 'node:fs';
import { loadAddon } from '../signals/addon.ts';
import { STDOUT } from './stdio.ts';

/**
 * Calls back once when stdout is a pipe whose reader is gone, as with `| head -1`; with nothing else to do a
 * consumer would hear of it with the next message only. A FIFO with a name may get another reader, and a
 * terminal ends with SIGHUP. Does not keep the process alive.
 */
export function watchReader(onGone: () => void): void {
  const path = `/proc/self/fd/${STDOUT}`;
  const { addon } = loadAddon();
  try {
    if (!addon || !readlinkSync(path).startsWith('pipe:')) return;
    // By an open file of its own: who waits for a descriptor makes it one that never blocks, and stdout is
    // shared with others.
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    // The only event of a pipe's writing end, when one does not ask for room, is that nobody reads (poll(2)).
    addon.watch(fd, onGone, false);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') onGone(); // nobody reads it (fifo(7))
  }
}
