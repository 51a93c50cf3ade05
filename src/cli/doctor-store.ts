import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SigmqError } from '../errors.ts';
import { RESERVE_NAME, reserveBytes } from '../queue/sqlite/disk-reserve.ts';
import { assertUsable } from '../queue/sqlite/usable.ts';
import { quietly } from '../quietly.ts';

/** What the doctor says about the store. */
export interface StoreFinding {
  readonly mark: 'ok' | 'note' | 'bad';
  readonly text: string;
}

const FILE = 'queue.db';

export interface RunningBroker {
  readonly pid: number;
  /** Where its store was when it was opened; undefined: it has no file. */
  readonly path: string | undefined;
}

/** @param folder where the messages are if no broker is running */
export function lookAtStore(folder: string, broker: RunningBroker | undefined): StoreFinding[] {
  if (broker && broker.path === undefined) return [];
  const path = broker?.path ?? join(folder, FILE);
  if (broker && isMoved(broker.pid, path)) {
    const text = `The store ${path} was moved or deleted while broker ${broker.pid} was running: it refuses messages. Put the same files back, or restart the broker.`;
    return [{ mark: 'bad', text }];
  }
  if (!broker) {
    if (!existsSync(path)) return [];
    const trouble = troubleIn(dirname(path));
    if (trouble) return [trouble];
  }
  const bytes = fileBytes(path);
  if (bytes === undefined) return [];
  const log = fileBytes(`${path}-wal`) ?? 0;
  const text = `The store ${path} takes up ${sizeText(bytes)}, its log ${sizeText(log)}.`;
  const copy =
    ' A copy of the file alone misses what is in the log; make copies with `sigmq backup`.';
  return [{ mark: 'ok', text: text + (broker ? copy : '') }, ...lookAtReserve(dirname(path))];
}

/** Why a broker would refuse the store. */
function troubleIn(folder: string): StoreFinding | undefined {
  try {
    assertUsable(folder);
    return undefined;
  } catch (error) {
    if (!(error instanceof SigmqError)) throw error;
    return { mark: 'bad', text: `${error.message} ${error.hint}` };
  }
}

function lookAtReserve(folder: string): StoreFinding[] {
  const held = fileBytes(join(folder, RESERVE_NAME)) ?? 0;
  const wanted = quietly(() => reserveBytes(folder)) ?? 0;
  if (held > 0 && held >= wanted) return [];
  const text =
    held > 0
      ? `The reserve on the disk of the store has ${sizeText(held)} of ${sizeText(wanted)}: the disk is or was full, or there is a quota. What was given up is made again when there is room; until then new messages are refused.`
      : 'There is no reserve on the disk of the store: if the disk fills up, consumers stop too. The broker makes one when there is room.';
  return [{ mark: 'note', text }];
}

/** Whether one of the two files is not among those that the broker has open; without /proc: no. */
function isMoved(pid: number, path: string): boolean {
  const folder = `/proc/${pid}/fd`;
  const names = quietly(() => readdirSync(folder));
  if (names === undefined) return false;
  const open = new Set(names.map((fd) => identityOf(join(folder, fd))));
  return [path, `${path}-wal`].some((file) => !open.has(identityOf(file) ?? 'gone'));
}

function identityOf(path: string): string | undefined {
  const stats = quietly(() => statSync(path));
  return stats && `${stats.dev}:${stats.ino}`;
}

function fileBytes(path: string): number | undefined {
  const stats = quietly(() => statSync(path));
  return stats?.isFile() ? stats.size : undefined;
}

function sizeText(bytes: number): string {
  return bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
