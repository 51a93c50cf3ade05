import { attributesOf, type Claim } from './claim.ts';
import { readSmallFile } from './small-file.ts';
import { isPid } from './vet.ts';

/** A PID and a newline take 11 bytes at most; the rest is room for what others may write after it. */
const MAX_PID_FILE_BYTES = 4096;

/** A file of one line, which starts with a PID. */
export interface PidFile extends Claim {
  /** undefined: the file does not start with a PID. */
  readonly pid: number | undefined;
}

/** @returns undefined if there is no such file */
export function readPidFile(path: string): PidFile | undefined {
  const file = readSmallFile(path, MAX_PID_FILE_BYTES);
  if (!file) return undefined;
  const [line = ''] = file.text.split('\n', 1);
  return { pid: parsePid(line), attrs: attributesOf(line), writtenMs: file.mtimeMs };
}

/**
 * The PID at the start of a text: a decimal integer from 1 to 2^31-1 without sign or leading zero,
 * followed by white space or nothing. Junk never becomes a PID: kill(2) takes 0 and negative numbers for
 * process groups, and cuts off large ones.
 */
export function parsePid(text: string): number | undefined {
  const digits = /^[1-9][0-9]{0,9}(?=[ \t\r\n]|$)/.exec(text)?.[0];
  if (digits === undefined) return undefined;
  const pid = Number(digits);
  return isPid(pid) ? pid : undefined;
}
