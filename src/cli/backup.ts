import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Exit } from '../errors.ts';
import { backup as copy } from '../queue/sqlite/backup.ts';
import { adminErrors } from './admin-errors.ts';
import type { AdminFlags } from './admin-flags.ts';
import { brokerStore } from './broker-store.ts';
import { dataFolder } from './data-folder.ts';
import { report, say } from './report.ts';

/** `sigmq backup`: this process makes the copy; the broker has nothing to do. @returns the exit code */
export async function backup(file: string, flags: AdminFlags): Promise<number> {
  try {
    const { messages, bytes } = copy(storePath(flags), file, flags.force ?? false);
    const what = messages === 1 ? '1 message' : `${messages} messages`;
    say(`${file}: ${what}, ${bytes} bytes.`);
    return Exit.Ok;
  } catch (error) {
    return report(error);
  }
}

/** That of the running broker, or where one would have it. @throws SigmqError */
function storePath(flags: AdminFlags): string {
  const store = brokerStore(flags.dir);
  if (store?.kind === 'memory') throw adminErrors.nothingToCopy();
  if (store?.kind === 'postgres' || (!store && process.env.SIGMQ_STORE && !flags.data))
    throw adminErrors.useExport();
  if (store) return store.path;
  const path = join(dataFolder(flags), 'queue.db');
  if (!existsSync(path)) throw adminErrors.noStore(path);
  return path;
}
