import { closeSync, fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { type ConsumerLine, MAX_CONSUMERS_BYTES, parseConsumers } from './consumers-file.ts';
import { hasOtherWriter } from './open-files.ts';
import { readFrom } from './small-file.ts';
import { wholeLines } from './whole-lines.ts';

/** Covers a program that is inside open(2), between finding the old file and having a descriptor; ms. */
const APPEND_LOOK_MS = 20;
/** A program that keeps the old file open for longer than this is not about to append its one line; ms. */
const MAX_APPEND_LOOK_MS = 1000;

/**
 * The lines that foreign programs have appended to consumers.txt while it was being replaced. A program that opened
 * the file before the rename writes into the old file, which nobody would read again, so the old file is kept open
 * until nobody else has it open for writing.
 * @param old descriptor of the file that was replaced; it is closed
 * @param carried what has been carried over into the new file
 */
export async function appendedLate(old: number, carried: string): Promise<ConsumerLine[]> {
  try {
    const deadline = clockMs() + MAX_APPEND_LOOK_MS;
    do await sleep(APPEND_LOOK_MS);
    while (hasOtherWriter(old) && clockMs() < deadline);
    const text = wholeLines(() => readFrom(old, carried.length, MAX_CONSUMERS_BYTES));
    // It may begin with the end of a line that has been carried over already.
    const rest = carried === '' || carried.endsWith('\n') ? text : text.replace(/^\n/, '');
    // In the new file they would be younger than in the file to which they were written.
    return parseConsumers(rest, fstatSync(old).mtimeMs);
  } finally {
    closeSync(old);
  }
}
