import { isatty } from 'node:tty';
import { Deadline } from '../client/deadline.ts';
import { producerErrors } from '../client/errors.ts';
import { checkAsk } from '../client/options.ts';
import { Producer } from '../client/producer.ts';
import { stoppedBroker } from '../client/stopped-broker.ts';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import type { AskedStatus } from '../status.ts';
import { readMessage, sourceOf } from './message-source.ts';
import { print } from './output.ts';
import { Progress } from './progress.ts';
import { report, say } from './report.ts';
import { STDOUT } from './stdio.ts';
import { visible } from './visible.ts';

export interface AskFlags {
  readonly dir?: string;
  readonly queue?: string;
  readonly file?: string;
  readonly header?: readonly (readonly [string, string])[];
  readonly priority?: number;
  readonly timeout?: number;
  readonly ttl?: number;
  readonly wait?: true;
  readonly compress?: boolean;
  readonly quiet?: true;
}

/** `sigmq ask`. @returns the exit code: that of the command that replied; `help`: nothing to send was given */
export async function ask(words: readonly string[], flags: AskFlags): Promise<number | 'help'> {
  const { dir, queue, header: headers, priority, timeout: timeoutMs, wait, compress } = flags;
  const progress = new Progress();
  const deadline = new Deadline(timeoutMs, undefined, (ms) =>
    producerErrors.noReplyBy(ms, stoppedBroker(dir)),
  );
  const { signal } = deadline;
  let producer: Producer | undefined;
  try {
    const source = sourceOf(words, flags);
    if (source === undefined) return 'help';
    const options = { queue, headers, priority, timeoutMs, ttlMs: flags.ttl ?? timeoutMs };
    checkAsk(options);
    producer = await Producer.open({ dir, wait, compress, signal });
    const body = typeof source === 'string' ? await readMessage(producer, source, signal) : source;
    const onLook = flags.quiet ? undefined : hint(queue);
    const onProgress = (sent: number, total: number) => {
      progress.bits(sent, total);
      if (sent === total) progress.stop(); // the rest is waiting
    };
    const reply = await producer.ask(body, { ...options, signal, onLook, onProgress });
    progress.stop();
    show(reply.body);
    return reply.exitCode;
  } catch (error) {
    progress.stop();
    return report(error);
  } finally {
    await producer?.close();
    deadline.clear();
  }
}

/** Byte for byte; on a terminal with escapes, and a newline at its end. */
function show(body: Uint8Array): void {
  const text = isatty(STDOUT) ? visible(body) : undefined;
  if (text === undefined) print(body);
  else print(text === '' || text.endsWith('\n') ? text : `${text}\n`);
}

/** Says once that nobody is there to reply. */
function hint(queue = DEFAULT_QUEUE): (asked: AskedStatus) => void {
  let isSaid = false;
  return ({ state, consumers }) => {
    if (isSaid || consumers > 0 || (state !== 'ready' && state !== 'delayed')) return;
    isSaid = true;
    say(`no consumer takes from queue ${queue}; waiting for one (sigmq consume --reply).`);
  };
}
