import { producerErrors } from '../client/errors.ts';
import type { Producer } from '../client/producer.ts';
import { cliErrors } from './errors.ts';
import { knownSize, readWhole } from './input.ts';
import { bytesOf } from './raw-bytes.ts';
import { STDIN } from './stdio.ts';
import { isatty } from './terminal.ts';

/** Without a limit from the broker (a plain one) we still do not read for ever; bytes. */
export const MAX_INPUT_BYTES = 32 << 20;
const SPACE = Buffer.from(' ');

/** Where a message comes from. */
export interface SourceFlags {
  readonly file?: string;
  readonly lines?: true;
  readonly null?: true;
}

/**
 * A path to read from, or the message itself; undefined: neither, and a terminal is not a source.
 * @throws SigmqError two-sources, not-utf8
 */
export function sourceOf(
  words: readonly string[],
  { file, lines, null: nul }: SourceFlags,
): string | Buffer | undefined {
  if (lines && nul) throw cliErrors.twoSources();
  const dash = words.length === 1 && words[0] === '-';
  if (words.length > 0 && (file !== undefined || ((lines || nul) && !dash))) {
    throw cliErrors.twoSources();
  }
  const bytes = bytesOf(words); // even if there are none: options may contain bytes that are not UTF-8
  if (file !== undefined) return file;
  if (dash) return '-';
  if (words.length > 0)
    return Buffer.concat(bytes.flatMap((word, at) => (at > 0 ? [SPACE, word] : [word])));
  return isatty(STDIN) ? undefined : '-';
}

/** @throws SigmqError too-large, cannot-read; the reason of `signal` */
export async function readMessage(
  producer: Pick<Producer, 'maxMessageBytes'>,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const max = producer.maxMessageBytes;
  const size = knownSize(path);
  if (max !== undefined && size !== undefined && size > max)
    throw producerErrors.tooLarge(size, max);
  return readWhole(path, max ?? MAX_INPUT_BYTES, signal);
}
