import { inspectBroker, readBrokerJson } from '../registry/broker-file.ts';
import { processTable } from '../registry/process-table.ts';
import { resolveRuntimeDir } from '../registry/runtime-dir.ts';

/** Where the running broker of a runtime directory keeps its messages, as it says. */
export type BrokerStore = { readonly pid: number } & (
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'memory' }
);

/** Undefined: no sigmq broker is running there. @throws SigmqError the directory cannot be used */
export function brokerStore(dir: string | undefined): BrokerStore | undefined {
  const { path: folder } = resolveRuntimeDir({ dir, env: process.env });
  const broker = inspectBroker(folder, processTable());
  const json = broker.ok ? readBrokerJson(folder) : undefined;
  if (!json || !broker.ok || json.pid !== broker.pid) return undefined;
  const { pid, path, url } = json;
  if (path !== undefined) return { pid, kind: 'sqlite', path };
  return url === undefined ? { pid, kind: 'memory' } : { pid, kind: 'postgres', url };
}
