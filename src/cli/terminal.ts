import { closeSync, fstatSync, readlinkSync } from 'node:fs';
import { builtin } from '../builtin.ts';

const STANDARD = [0, 1, 2];

export function isatty(fd: number): boolean {
  return builtin('tty').isatty(fd);
}

/** Whether any of the standard streams is a terminal, so that closing it is meant for us, too. */
export function hasTerminal(): boolean {
  return STANDARD.some((fd) => isatty(fd));
}

/**
 * Call it last. When Node ends it restores the settings of a terminal, and aborts (SIGABRT) if the terminal has
 * been closed in the meantime (ResetStdio in src/node.cc); it leaves alone what is no longer an open descriptor.
 */
export function leaveClosedTerminals(): void {
  for (const fd of STANDARD) {
    try {
      if (fstatSync(fd).isCharacterDevice() && !isOpen(fd) && !isatty(fd)) closeSync(fd);
    } catch {
      // it was closed before
    }
  }
}

/** Whether it is certainly not a closed terminal: the kernel calls that of a closed window `/dev/pts/1 (deleted)`. */
function isOpen(fd: number): boolean {
  try {
    return /^\/dev\/(null|pts\/\d+)$/.test(readlinkSync(`/proc/self/fd/${fd}`));
  } catch {
    return false; // no /proc
  }
}
