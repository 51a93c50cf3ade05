import { statSync } from 'node:fs';

/** A text that changes whenever the file does; empty: there is no file. */
export function fileSignature(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs}` : '';
}
