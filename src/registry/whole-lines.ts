import { sleepSync } from '../sleep-sync.ts';

/** How often, and how far apart, to check whether a last line without newline is growing; ms. */
const LINE_LOOKS = 10;
const LINE_LOOK_MS = 2;

/**
 * The end of a file that others append to may be half a line: a write(2) that crosses a page of memory is sometimes
 * seen in two steps, far apart if the writer loses the CPU in between. Reads again for a while, and lets no other
 * work of this process run, as the lock is held; if there is still no newline at the end, then the line really has none.
 * @param look returns the file, or its end
 */
export function wholeLines(look: () => string): string {
  let text = look();
  for (let i = 0; i < LINE_LOOKS && text !== '' && !text.endsWith('\n'); i++) {
    sleepSync(LINE_LOOK_MS);
    text = look();
  }
  return text;
}
