import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Two descriptors of a file that has no name any more, both to be closed. */
export interface NamelessFile {
  /** At its beginning. */
  readonly reader: number;
  /** Always at its end, whoever else writes. */
  readonly writer: number;
}

/**
 * Makes a file without a name, as shells use for a here-document, and fills it.
 * @param fallback a folder to use if the one for temporary files ($TMPDIR) has no room, or does not exist
 * @throws the error of the system call
 */
export function namelessFile(fallback: string, fill: (writer: number) => void): NamelessFile {
  try {
    return fileIn(tmpdir(), fill);
  } catch (error) {
    try {
      return fileIn(fallback, fill);
    } catch {
      throw error;
    }
  }
}

function fileIn(folder: string, fill: (writer: number) => void): NamelessFile {
  const path = join(folder, `.sigmq-${process.pid}-${randomBytes(8).toString('hex')}`);
  const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY } = constants;
  // A file that has the name already is somebody else's, or a trap: O_EXCL refuses it.
  const writer = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0o600);
  let reader: number | undefined;
  try {
    try {
      reader = openSync(path, 'r');
    } finally {
      unlinkSync(path); // before there is anything in it
    }
    fill(writer);
    return { reader, writer };
  } catch (error) {
    if (reader !== undefined) closeSync(reader);
    closeSync(writer);
    throw error;
  }
}
