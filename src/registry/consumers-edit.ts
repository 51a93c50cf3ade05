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
import { appendedLate } from './late-appends.ts';
import { withLock } from './lock.ts';
import { assertProcess } from './named-process.ts';
import type { ProcessTable } from './process-info.ts';
import { dated, readFrom, replaceFile, SAFE_OPEN } from './small-file.ts';
import { wholeLines } from './whole-lines.ts';
import { type SeenMarks, witnessed } from './witness.ts';

// Each edit makes the file young, so it records what it finds out about the lines of others (witness.ts).

/**
 * Adds this consumer as the last line. Earlier lines with its PID are its own or those of a process that is gone,
 * and are removed. Values may be any text: they are percent-encoded. Pass `start`, so that a later process with the
 * same PID is not mistaken for this one.
 * @param table shows which processes the lines of others stand for
 * @throws RegistryError bad-pid, bad-start, consumers-too-large, not-a-file, lock-busy, cannot-write
 */
export async function registerConsumer(
  dir: string,
  pid: number,
  attrs: Readonly<Record<string, string | number>>,
  table: ProcessTable,
): Promise<void> {
  assertProcess(pid, attrs.start);
  const line = [
    pid,
    ...Object.entries(attrs).map(([key, value]) => `${key}=${encode(value)}`),
  ].join(' ');
  await edit(dir, true, table, (lines) => {
    const others = lines.filter((other) => other.pid !== pid);
    return [...witnessed(others, table).map(({ raw }) => raw), line];
  });
}

/**
 * Removes the lines of a consumer.
 * @param start as registered; undefined or 0: every line with that PID
 * @throws the same as registerConsumer
 */
export async function unregisterConsumer(
  dir: string,
  pid: number,
  start: number | undefined,
  table: ProcessTable,
): Promise<void> {
  assertProcess(pid, start);
  const isOurs = (line: ConsumerLine) => line.pid === pid && (!start || startOf(line) === start);
  // Check without the lock first: it may be gone already.
  if (!readConsumers(dir).some(isOurs)) return;
  await edit(dir, false, table, (lines) => {
    const others = lines.filter((line) => !isOurs(line));
    return witnessed(others, table).map(({ raw }) => raw);
  });
}

/**
 * Removes the lines for which `isGone` returns true, and records what is found out about the others. It is called
 * only for lines with a PID: others are not ours to judge.
 * @param seen what lines stood for earlier
 * @returns the removed lines
 * @throws the same as registerConsumer
 */
export async function pruneConsumers(
  dir: string,
  isGone: (line: ConsumerLine) => boolean,
  table: ProcessTable,
  seen?: SeenMarks,
): Promise<ConsumerLine[]> {
  let gone: ConsumerLine[] = [];
  const change = (lines: readonly ConsumerLine[]) => {
    const all = witnessed(lines, table, seen);
    gone = all.filter((line) => line.pid !== undefined && isGone(line));
    const left = new Set(gone);
    return all.filter((line) => !left.has(line)).map(({ raw }) => raw);
  };
  // Check without the lock first: mostly there is nothing to do.
  const now = readConsumers(dir);
  if (change(now).join('\n') !== now.map(({ raw }) => raw).join('\n'))
    await edit(dir, false, table, change);
  return gone;
}

/** Replaces the file by one with the lines that `change` returns; lines that it passes on stay as they are. */
async function edit(
  dir: string,
  create: boolean,
  table: ProcessTable,
  change: (lines: readonly ConsumerLine[]) => readonly string[],
): Promise<void> {
  const path = consumersPath(dir);
  const replaced = await withLock(path, (assertHeld) => {
    const fd = openOld(path, create);
    if (fd === undefined) return undefined;
    try {
      const look = () => wholeLines(() => readFrom(fd, 0, MAX_CONSUMERS_BYTES + 1));
      const { text, mtimeMs } = dated(fd, look);
      const lines = parseConsumers(text, mtimeMs);
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
      return { fd, text };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  });
  if (!replaced) return;
  const late = await appendedLate(replaced.fd, replaced.text);
  if (late.length === 0) return;
  // Not by appending them: another program may be appending, too, and may have written half a line.
  await edit(dir, false, table, (lines) =>
    [...witnessed(lines, table), ...witnessed(late, table)].map(({ raw }) => raw),
  );
}

/**
 * The file before the edit. It is made if necessary, so that a line which a foreign program appends while we write
 * ours goes into a file that we watch.
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
