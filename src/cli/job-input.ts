import { randomBytes } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A body as the standard input of a command: a file without a name, as shells do with a here-document. Node
 * would give a socket, which cannot be opened again (`cat /dev/stdin`) and which bash takes for rshd.
 * @param fallback a folder for the case that the one for temporary files ($TMPDIR) has no room, or is not there
 * @returns a descriptor that reads it, to be closed
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
  // A name that is there is somebody else's, or a trap: `x` refuses it.
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
