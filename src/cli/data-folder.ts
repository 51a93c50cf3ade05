import { resolve } from 'node:path';
import { path } from '../options/kinds.ts';
import { storeFolder } from '../queue/store-folder.ts';
import { resolveRuntimeDir } from '../registry/runtime-dir.ts';

/** Where `sigmq broker` keeps the messages of a runtime directory. */
export function dataFolder({
  dir,
  data,
}: {
  readonly dir?: string | undefined;
  readonly data?: string | undefined;
}): string {
  if (data !== undefined) path.check(data);
  const named = data ?? process.env.SIGMQ_DATA;
  if (named) return resolve(named);
  return storeFolder(resolveRuntimeDir({ dir, env: process.env }).path, process.env);
}
