import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Inspector } from '../client/inspector.ts';
import { SigmqError } from '../errors.ts';
import type { Inspection } from '../queue/inspection.ts';
import { openStore } from '../queue/open-store.ts';
import type { AdminFlags } from './admin-flags.ts';
import { dataFolder } from './data-folder.ts';

/** An inspection that is open and has to be closed. */
export type Backend = Inspection & { close(): Promise<void> };

/**
 * The running broker; without one its store, so that one can see what is waiting.
 * @throws SigmqError no-broker if there is no store either
 */
export async function openBackend(flags: AdminFlags): Promise<Backend> {
  try {
    return await Inspector.open({ dir: flags.dir });
  } catch (error) {
    const folder = dataFolder(flags);
    const isNoBroker = error instanceof SigmqError && error.code === 'no-broker';
    if (!isNoBroker || process.env.SIGMQ_STORE || !existsSync(join(folder, 'queue.db')))
      throw error;
    return openStore({ kind: 'sqlite', folder });
  }
}
