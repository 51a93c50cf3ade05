import { join } from 'node:path';
import { isMarked, registeredBy } from './claim.ts';
import { RegistryError } from './errors.ts';
import { type PidFile, readPidFile } from './pid-file.ts';
import type { ProcessTable } from './process-info.ts';
import { replaceFile } from './small-file.ts';
import { startedAfter, startedAtMs } from './start-time.ts';
import type { Registered } from './vet.ts';

/**
 * A program writes its PID soon after it starts; an interpreter on a busy machine takes some seconds. If a file
 * changes later than that, it was just as likely touched, or edited, as written by the broker that it names; ms.
 */
const FRESH_PROCESS_MS = 60_000;

export const brokerSeenPath = (dir: string) => join(dir, 'broker.seen');

export interface Recognised {
  readonly registered: Registered;
  /** What this check shows, to be recorded. */
  readonly news?: string;
}

/**
 * Which process a foreign broker.pid stands for. It has no start time, so it is compared with the time of the file,
 * once; from then on `broker.seen` says which process that was (docs/protocol.md, section 1.2). So a long-lived
 * broker stays known whatever happens to the clock and to the file's time, and touching the file does not make it
 * stand for a process that has got the PID since. Only a file that was written anew, soon after another process
 * started, may name that process.
 */
export function recognise(
  dir: string,
  pid: number,
  file: PidFile,
  table: ProcessTable,
): Recognised {
  const registered = registeredBy(file);
  const start = table.read(pid)?.start ?? 0;
  if (isMarked(file) || start === 0 || pid === 1) return { registered };
  const seen = readPidFile(brokerSeenPath(dir));
  if (seen?.pid === pid && isMarked(seen)) {
    const known = registeredBy(seen);
    const isSame = (known.start ?? known.before) === start;
    if (isSame || !isAnew(file, seen, start)) {
      return { registered: { ...registered, start: known.start, before: known.before } };
    }
  }
  const key = startedAfter(start, file.writtenMs) ? 'before' : 'start';
  return { registered, news: `${pid} ${key}=${start} written=${file.writtenMs}\n` };
}

/** If it cannot be written, we can still use the broker: then each check compares again. */
export function writeDown(dir: string, news: string): void {
  try {
    replaceFile(brokerSeenPath(dir), news, () => {});
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
}

function isAnew(file: PidFile, seen: PidFile, start: number): boolean {
  const startedAt = startedAtMs(start);
  if (Number(seen.attrs.get('written')) === file.writtenMs || startedAt === undefined) return false;
  return file.writtenMs - startedAt < FRESH_PROCESS_MS;
}
