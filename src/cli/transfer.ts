import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Exit, SigmqError } from '../errors.ts';
import { storeErrors } from '../queue/errors.ts';
import { NewFile } from '../queue/new-file.ts';
import type { Content } from '../queue/transfer.ts';
import { linesOf, take } from '../queue/transfer-lines.ts';
import { adminErrors } from './admin-errors.ts';
import { brokerStore } from './broker-store.ts';
import { dataFolder } from './data-folder.ts';
import { records } from './input.ts';
import { print } from './output.ts';
import { report, say } from './report.ts';

/** A line holds a message in base64. */
const MAX_LINE_BYTES = 1 << 28;
const NEWLINE = 0x0a;

export interface TransferFlags {
  readonly dir?: string;
  readonly data?: string;
  readonly store?: string;
  readonly force?: boolean;
}

/** `sigmq export`: reads the store itself; a broker may be at work on it. @returns the exit code */
export async function exportTo(file: string, flags: TransferFlags): Promise<number> {
  try {
    const messages = await read(flags, (content) =>
      file === '-' ? write(content, print) : writeFile(content, file, flags.force ?? false),
    );
    if (file !== '-') say(`${file}: ${countText(messages)}.`);
    return Exit.Ok;
  } catch (error) {
    return report(error);
  }
}

/** `sigmq import`: all of it, or nothing. @returns the exit code */
export async function importFrom(file: string, flags: TransferFlags): Promise<number> {
  try {
    const into = await openTarget(flags);
    try {
      const messages = await take(records(file, NEWLINE, MAX_LINE_BYTES), into);
      say(`${countText(messages)} imported.`);
    } finally {
      await into.close();
    }
    return Exit.Ok;
  } catch (error) {
    return report(error);
  }
}

async function read<T>(flags: TransferFlags, use: (content: Content) => Promise<T>): Promise<T> {
  const { url, folder } = storeOf(flags);
  if (url !== undefined) {
    const { readPostgres } = await import('../queue/postgres/transfer.ts');
    return readPostgres(url, use);
  }
  const path = join(folder, 'queue.db');
  if (!existsSync(path)) throw adminErrors.noStore(path);
  const { readSqlite } = await import('../queue/sqlite/transfer.ts');
  return readSqlite(path, use);
}

async function openTarget(flags: TransferFlags) {
  const { url, folder } = storeOf(flags);
  if (url !== undefined) {
    const { writePostgres } = await import('../queue/postgres/transfer.ts');
    return writePostgres(url);
  }
  const { writeSqlite } = await import('../queue/sqlite/transfer.ts');
  return writeSqlite(folder);
}

type StorePlace =
  | { readonly url: string; readonly folder?: undefined }
  | { readonly url?: undefined; readonly folder: string };

/** What is named goes first, then what the running broker uses, then what a broker would use. */
function storeOf({ dir, data, store }: TransferFlags): StorePlace {
  if (store !== undefined) return { url: store };
  if (data !== undefined) return { folder: dataFolder({ data }) };
  const used = brokerStore(dir);
  if (used?.kind === 'memory') throw adminErrors.inMemory();
  if (used) return used.kind === 'postgres' ? { url: used.url } : { folder: dirname(used.path) };
  const { SIGMQ_STORE: url } = process.env;
  return url ? { url } : { folder: dataFolder({ dir }) };
}

/** @returns how many messages */
async function write(content: Content, put: (text: string) => void): Promise<number> {
  let lines = 0;
  for await (const line of linesOf(content)) {
    put(line);
    lines++;
  }
  const { producers, keys, groups, queues } = content;
  const others = [producers, keys, groups, queues].reduce((sum, { length }) => sum + length, 2);
  return lines - others; // the first one and the last one are none, either
}

async function writeFile(content: Content, target: string, force: boolean): Promise<number> {
  const file = new NewFile(target, force);
  const fd = openSync(file.path, 'w');
  try {
    const messages = await write(content, (text) => writeAll(fd, Buffer.from(text)));
    file.put();
    return messages;
  } catch (error) {
    throw error instanceof SigmqError ? error : storeErrors.noBackup(target, error);
  } finally {
    closeSync(fd);
    file.discard();
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function countText(messages: number): string {
  return messages === 1 ? '1 message' : `${messages} messages`;
}
