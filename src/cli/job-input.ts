import { randomBytes } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A body as the standard input of a command: a file without a name, as shells use for a here-document. Node would
 * give it a socket, which cannot be opened again (`cat /dev/stdin`) and which makes bash think that it was started
 * by rshd.
 * @param fallback a folder to use if the one for temporary files ($TMPDIR) has no room, or does not exist
 * @returns a descriptor for reading it, to be closed
 * @throws the error of the system call
 */
export function openBody(body: Uint8Array, fallback: string): number {
  try {
    return openIn(tmpdir(), body);
  } catch (error) {
    try {
      return openIn(fallback, body);
    } catch {
      throw error;
    }
  }
}

function openIn(folder: string, body: Uint8Array): number {
  const path = join(folder, `.sigmq-${process.pid}-${randomBytes(8).toString('hex')}`);
  // A file that has the name already is somebody else's, or a trap: `x` refuses it.
  const writer = openSync(path, 'wx', 0o600);
  let reader: number | undefined;
  try {
    try {
      reader = openSync(path, 'r');
    } finally {
      unlinkSync(path); // before there is anything in it
    }
    for (let at = 0; at < body.length; ) at += writeSync(writer, body, at);
    return reader;
  } catch (error) {
    if (reader !== undefined) closeSync(reader);
    throw error;
  } finally {
    closeSync(writer);
  }
}
