import { writeSync } from 'node:fs';
import { sleepSync } from '../sleep-sync.ts';
import { ErrorStream } from './error-stream.ts';
import { SLOW_READER_MS, STDOUT } from './stdio.ts';
import { visible } from './visible.ts';

/** Writes all of it to stdout. @throws the error of write(2), EPIPE when the reader is gone */
export function print(text: string | Uint8Array): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(STDOUT, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      sleepSync(SLOW_READER_MS);
    }
  }
}

/** Like {@link print}, for text that may be lost if its reader is gone. */
export function printHelp(text: string): void {
  try {
    print(text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

let stderr: Pick<NodeJS.WriteStream, 'write'> | ErrorStream | undefined;

/** From now on this process is not held up if nobody reads stderr. @param noticeOf see ErrorStream */
export function neverWaitForReaders(noticeOf: (dropped: number) => string): void {
  const stream = new ErrorStream(noticeOf);
  stderr = stream;
  process.once('exit', () => stream.flush());
}

/** Writes what another program has said to stderr, byte for byte. @returns as {@link ErrorStream.pass} */
export function passError(bytes: Buffer): Promise<void> | undefined {
  if (stderr instanceof ErrorStream) return stderr.pass(bytes);
  process.stderr.write(bytes);
  return undefined;
}

/**
 * Writes to stderr, where many messages quote what a user or a file said: control characters become visible. If
 * nobody reads it, that is no reason to end.
 */
export function printError(text: string): void {
  stderr ??= process.stderr.on('error', () => {});
  stderr.write(visible(text));
}
