import { quietly } from '../quietly.ts';
import { inspectBroker } from '../registry/broker-file.ts';
import { isStopped, type ProcessTable } from '../registry/process-info.ts';
import { processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';

/**
 * The PID of the broker if it is stopped (Ctrl-Z): it answers nobody until somebody continues it.
 * @param dir as the user gave it, or as it was found
 */
export function stoppedBroker(
  dir: string | undefined,
  table: ProcessTable = processTable(),
): number | undefined {
  return quietly(() => {
    const broker = inspectBroker(openRuntimeDir({ dir, env: process.env, create: false }), table);
    return broker.ok && isStopped(table.read(broker.pid)) ? broker.pid : undefined;
  });
}
