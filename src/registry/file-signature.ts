import { statSync } from 'node:fs';

/** Another text after each change of a file; empty: it is not there. */
export function fileSignature(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs}` : '';
}
