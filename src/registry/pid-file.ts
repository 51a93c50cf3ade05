import { attributesOf, type Claim } from './claim.ts';
import { readSmallFile } from './small-file.ts';
import { isPid } from './vet.ts';

/** A PID and a newline take 11 bytes at most; the rest is room for what others may write after it. */
const MAX_PID_FILE_BYTES = 4096;

/** What may follow a PID; undefined: nothing does. */
const END_OF_PID: ReadonlySet<string | undefined> = new Set([' ', '\t', '\r', '\n', undefined]);

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
  const pid = parsePid(line);
  // That of a sigmq broker has none.
  const attrs = line === String(pid) ? new Map() : attributesOf(line);
  return { pid, attrs, writtenMs: file.mtimeMs };
}

/**
 * The PID at the start of a text: a decimal integer from 1 to 2^31-1 without sign or leading zero,
 * followed by white space or nothing. Junk never becomes a PID: kill(2) takes 0 and negative numbers for
 * process groups, and cuts off large ones.
 */
export function parsePid(text: string): number | undefined {
  // Every start of `sigmq send` is here, and would compile a regular expression.
  let digits = 0;
  while (isDigit(text[digits])) digits++;
  if (text.startsWith('0') || !END_OF_PID.has(text[digits])) return undefined;
  const pid = Number(text.slice(0, digits));
  return isPid(pid) ? pid : undefined;
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9';
}
