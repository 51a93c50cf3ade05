import { readSmallFile } from './small-file.ts';
import { isPid } from './vet.ts';

/** A PID and a newline are 11 bytes at most; the rest is room for what others may write after it. */
const MAX_BYTES = 4096;

export interface PidFile {
  /** undefined: the file does not start with a PID. */
  readonly pid: number | undefined;
  readonly mtimeMs: number;
}

/** @returns undefined when there is no such file */
export function readPidFile(path: string): PidFile | undefined {
  const file = readSmallFile(path, MAX_BYTES);
  return file && { pid: parsePid(file.text), mtimeMs: file.mtimeMs };
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
