import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import {
  type ConsumerLine,
  consumersPath,
  MAX_CONSUMERS_BYTES,
  MAX_CONSUMERS_LINES,
  parseConsumers,
  readConsumers,
  startOf,
} from './consumers-file.ts';
import { registryErrors } from './errors.ts';
import { LateAppends } from './late-appends.ts';
import { withLock } from './lock.ts';
import { assertProcess } from './named-process.ts';
import { readFrom, replaceFile, SAFE_OPEN } from './small-file.ts';
import { wholeLines } from './whole-lines.ts';

/**
 * Adds this consumer as the last line; earlier lines with its PID are its own or of a process that is
 * gone, and go. Values may be any text: they are percent-encoded. Pass `start`, so that a later process
 * with the same PID is not taken for this one.
 * @throws RegistryError bad-pid, bad-start, consumers-too-large, not-a-file, lock-busy, cannot-write
 */
export async function registerConsumer(
  dir: string,
  pid: number,
  attrs: Readonly<Record<string, string | number>>,
): Promise<void> {
  assertProcess(pid, attrs.start);
  const line = [
    pid,
    ...Object.entries(attrs).map(([key, value]) => `${key}=${encode(value)}`),
  ].join(' ');
  await edit(dir, true, (lines) => [
    ...lines.filter((other) => other.pid !== pid).map((other) => other.raw),
    line,
  ]);
}

/**
 * Removes the lines of a consumer.
 * @param start as registered; undefined or 0: every line with that PID
 * @throws as registerConsumer
 */
export async function unregisterConsumer(
  dir: string,
  pid: number,
  start: number | undefined,
): Promise<void> {
  assertProcess(pid, start);
  await remove(dir, (line) => line.pid === pid && (!start || startOf(line) === start));
}

/**
 * Removes the lines of which `isGone` says so. It is asked about lines with a PID only: others are not
 * ours to judge.
 * @returns the removed lines
 * @throws as registerConsumer
 */
export async function pruneConsumers(
  dir: string,
  isGone: (line: ConsumerLine) => boolean,
): Promise<ConsumerLine[]> {
  return remove(dir, (line) => line.pid !== undefined && isGone(line));
}

async function remove(
  dir: string,
  isGone: (line: ConsumerLine) => boolean,
): Promise<ConsumerLine[]> {
  // Look without the lock first: mostly there is nothing to do.
  if (!readConsumers(dir).some(isGone)) return [];
  let gone = new Set<ConsumerLine>();
  await edit(dir, false, (lines) => {
    gone = new Set(lines.filter(isGone));
    return lines.filter((line) => !gone.has(line)).map((line) => line.raw);
  });
  return [...gone];
}

/** Replaces the file by one with the lines that `change` returns; lines it passes on stay as they are. */
async function edit(
  dir: string,
  create: boolean,
  change: (lines: readonly ConsumerLine[]) => readonly string[],
): Promise<void> {
  const path = consumersPath(dir);
  const late = await withLock(path, (assertHeld) => {
    const fd = openOld(path, create);
    if (fd === undefined) return undefined;
    try {
      const text = wholeLines(() => readFrom(fd, 0, MAX_CONSUMERS_BYTES + 1));
      const lines = parseConsumers(text);
      const after = change(lines)
        .map((raw) => `${raw}\n`)
        .join('');
      if (Math.max(text.length, after.length) > MAX_CONSUMERS_BYTES)
        throw registryErrors.consumersTooLarge(path, `${MAX_CONSUMERS_BYTES} bytes`);
      if (lines.length > MAX_CONSUMERS_LINES) {
        throw registryErrors.consumersTooLarge(path, `${MAX_CONSUMERS_LINES} lines`);
      }
      if (after === text) {
        closeSync(fd);
        return undefined;
      }
      replaceFile(path, after, assertHeld);
      const appends = new LateAppends(path, fd, text.length);
      appends.carryLines();
      return appends;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  });
  await late?.settle();
}

/**
 * The file before the edit. It is made if need be, so that a line which a foreign program appends while
 * we make ours goes to a file that we watch.
 */
function openOld(path: string, create: boolean): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | SAFE_OPEN | (create ? constants.O_CREAT : 0), 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !create) return undefined;
    throw code === 'ELOOP' || code === 'EISDIR'
      ? registryErrors.notAFile(path)
      : registryErrors.cannotWrite(path, error);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw registryErrors.notAFile(path);
}

/** A value without space, newline or byte over 127; queue names are UTF-8. Lists stay readable. */
function encode(value: string | number): string {
  return encodeURIComponent(Buffer.from(String(value)).toString()).replaceAll('%2C', ',');
}
