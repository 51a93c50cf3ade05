import { closeSync, writeSync } from 'node:fs';
import { namelessFile } from './nameless-file.ts';

/**
 * A body as the standard input of a command: a file without a name. Node would give it a socket, which cannot be
 * opened again (`cat /dev/stdin`) and which makes bash think that it was started by rshd.
 * @param fallback a folder to use if the one for temporary files ($TMPDIR) has no room, or does not exist
 * @returns a descriptor for reading it, to be closed
 * @throws the error of the system call
 */
export function openBody(body: Uint8Array, fallback: string): number {
  const { reader, writer } = namelessFile(fallback, (fd) => {
    for (let at = 0; at < body.length; ) at += writeSync(fd, body, at);
  });
  closeSync(writer);
  return reader;
}
