import { closeSync, fstatSync } from 'node:fs';
import { createRequire } from 'node:module';

const STANDARD = [0, 1, 2];

/** Loaded when it is needed: that takes 2 ms, and `sigmq send` mostly has no use for it. */
function isatty(fd: number): boolean {
  const require = createRequire(import.meta.url);
  return (require('node:tty') as typeof import('node:tty')).isatty(fd);
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
      if (fstatSync(fd).isCharacterDevice() && !isatty(fd)) closeSync(fd);
    } catch {
      // it was closed before
    }
  }
}
