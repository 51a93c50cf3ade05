import { closeSync, fstatSync, readlinkSync } from 'node:fs';
import { builtin } from '../builtin.ts';

const STANDARD = [0, 1, 2];

export function isatty(fd: number): boolean {
  return builtin('tty').isatty(fd);
}

/** Whether any of the standard streams is a terminal, so that its closing is meant for us, too. */
export function hasTerminal(): boolean {
  return STANDARD.some((fd) => isatty(fd));
}

/**
 * Call it last. Node gives a terminal its settings back when it ends, and aborts (SIGABRT) when the terminal was
 * closed meanwhile (ResetStdio in src/node.cc); it leaves alone what is no open descriptor any more.
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

/** Whether it is surely no closed terminal: the kernel names that of a closed window `/dev/pts/1 (deleted)`. */
function isOpen(fd: number): boolean {
  try {
    return /^\/dev\/(null|pts\/\d+)$/.test(readlinkSync(`/proc/self/fd/${fd}`));
  } catch {
    return false; // no /proc
  }
}
