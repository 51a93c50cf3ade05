import { join } from 'node:path';
import { attributesOf, type Claim, registeredBy } from './claim.ts';
import { parsePid } from './pid-file.ts';
import { readSmallFile } from './small-file.ts';

/** Far more than the processes of any user need; bounds what a runaway program can make us read; bytes. */
export const MAX_CONSUMERS_BYTES = 4 << 20;
/** Several times the number of processes that Linux allows a user by default (some 30,000); the rest is junk. */
export const MAX_CONSUMERS_LINES = 131_072;

export const consumersPath = (dir: string) => join(dir, 'consumers.txt');

/** One line of consumers.txt (docs/protocol.md, section 1.1). */
export interface ConsumerLine extends Claim {
  /** The line without its newline, one character per byte (latin1). */
  readonly raw: string;
  /** undefined: the line does not start with a PID; it is kept and has no meaning. */
  readonly pid: number | undefined;
}

/** Reads consumers.txt, in order of registration and within its bounds. A missing file counts as empty. */
export function readConsumers(dir: string): ConsumerLine[] {
  const file = readSmallFile(consumersPath(dir), MAX_CONSUMERS_BYTES);
  if (!file) return [];
  const { text, truncated, mtimeMs } = file;
  // A line that the bound cuts in two may have lost digits of its PID.
  return parseConsumers(truncated ? text.slice(0, text.lastIndexOf('\n') + 1) : text, mtimeMs);
}

/** Whether a consumer has its line. @param start as registered; 0: not known */
export function isRegistered(dir: string, pid: number, start: number): boolean {
  return readConsumers(dir).some((line) => line.pid === pid && (!start || startOf(line) === start));
}

/**
 * Reads at most one line more than MAX_CONSUMERS_LINES. The last line may lack its newline.
 * @param writtenMs when the file was written; ms since 1970
 */
export function parseConsumers(text: string, writtenMs: number): ConsumerLine[] {
  const raws = text.split('\n', MAX_CONSUMERS_LINES + 2);
  if (raws.at(-1) === '') raws.pop();
  return raws.slice(0, MAX_CONSUMERS_LINES + 1).map((raw) => parseLine(raw, writtenMs));
}

/** The start time of the process that a line was written for, in clock ticks; undefined: the line has none. */
export function startOf(line: ConsumerLine): number | undefined {
  return registeredBy(line).start;
}

/** @param raw without its newline */
export function parseLine(raw: string, writtenMs: number): ConsumerLine {
  const pid = parsePid(raw);
  return { raw, pid, attrs: pid === undefined ? new Map() : attributesOf(raw), writtenMs };
}
