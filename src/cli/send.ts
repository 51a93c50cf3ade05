import { producerErrors } from '../client/errors.ts';
import { Producer, type SendOptions } from '../client/producer.ts';
import { Exit } from '../errors.ts';
import { cliErrors } from './errors.ts';
import { knownSize, lines, readWhole } from './input.ts';
import { Progress } from './progress.ts';
import { report, say } from './report.ts';
import type { SendFlags } from './send-command.ts';

/** Without a limit from the broker (a plain one) we still do not read for ever; bytes. */
const MAX_BYTES = 32 << 20;

/** `sigmq send`. @returns the exit code */
export async function send(words: readonly string[], flags: SendFlags): Promise<number> {
  const progress = new Progress();
  let producer: Producer | undefined;
  try {
    const source = sourceOf(words, flags);
    const signal = deadline(flags.timeout);
    producer = await Producer.open({ dir: flags.dir, wait: flags.wait, signal });
    if (producer.plainBecause) {
      say(
        `running as a plain peer (${producer.plainBecause}): messages go out slowly and unconfirmed.`,
      );
    }
    const { queue, priority, delay: delayMs, ttl: ttlMs, header: headers } = flags;
    const options = {
      ...{ queue, priority, delayMs, ttlMs, headers, signal, timeoutMs: flags.timeout },
      onProgress: progress.update,
    };
    if (flags.lines) await sendLines(producer, source, options);
    else
      await producer.send(
        typeof source === 'string' ? readMessage(producer, source) : source.body,
        options,
      );
    return Exit.Ok;
  } catch (error) {
    progress.stop();
    return report(error);
  } finally {
    progress.stop();
    await producer?.close();
  }
}

/** Of the whole command, from its start. */
function deadline(timeoutMs: number | undefined): AbortSignal | undefined {
  if (timeoutMs === undefined) return undefined;
  const controller = new AbortController();
  setTimeout(() => controller.abort(producerErrors.timeout(timeoutMs)), timeoutMs).unref();
  return controller.signal;
}

/** A path to read from, or the message itself. */
function sourceOf(
  words: readonly string[],
  { file, lines: asLines }: SendFlags,
): string | { body: Buffer } {
  const dash = words.length === 1 && words[0] === '-';
  if (words.length > 0 && (file !== undefined || (asLines && !dash))) throw cliErrors.twoSources();
  if (file !== undefined) return file;
  if (dash) return '-';
  if (words.length > 0) return { body: Buffer.from(words.join(' ')) };
  if (process.stdin.isTTY) throw cliErrors.noMessage();
  return '-';
}

function readMessage(producer: Producer, path: string): Buffer {
  const max = producer.maxMessageBytes;
  const size = knownSize(path);
  if (max !== undefined && size !== undefined && size > max)
    throw producerErrors.tooLarge(size, max);
  return readWhole(path, max ?? MAX_BYTES);
}

async function sendLines(
  producer: Producer,
  source: string | { body: Buffer },
  options: SendOptions,
): Promise<void> {
  if (typeof source !== 'string') throw cliErrors.twoSources();
  let confirmed = 0;
  let empty = 0;
  try {
    for await (const batch of lines(source, producer.maxMessageBytes ?? MAX_BYTES)) {
      const messages = batch.filter((line) => line.length > 0);
      empty += batch.length - messages.length;
      const onConfirmed = (count: number) => (confirmed += count);
      await producer.sendAll(messages, { ...options, onConfirmed });
    }
  } catch (error) {
    say(`${confirmed} ${confirmed === 1 ? 'line was' : 'lines were'} confirmed before this:`);
    throw error;
  }
  if (empty > 0) say(`skipped ${empty} empty ${empty === 1 ? 'line' : 'lines'}.`);
}
