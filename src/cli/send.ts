import { Deadline } from '../client/deadline.ts';
import { producerErrors } from '../client/errors.ts';
import { Inspector } from '../client/inspector.ts';
import { checkSend } from '../client/options.ts';
import { Producer } from '../client/producer.ts';
import type { SendOptions, SentFrame } from '../client/send-options.ts';
import { stoppedBroker } from '../client/stopped-broker.ts';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { Exit, type SigmqError } from '../errors.ts';
import { isStopped } from '../registry/process-info.ts';
import { processTable } from '../registry/process-table.ts';
import type { DirectFlags, DirectSession } from './direct-session.ts';
import { cliErrors } from './errors.ts';
import { records } from './input.ts';
import { lastSentOf } from './last-sent.ts';
import { MAX_INPUT_BYTES, readMessage, sourceOf } from './message-source.ts';
import { print } from './output.ts';
import { Progress } from './progress.ts';
import { ReadAhead } from './read-ahead.ts';
import { report, say } from './report.ts';
import type { RecordFlags } from './scope/recorder.ts';
import type { SendRecorder } from './send-recorder.ts';
import { onInterrupt } from './shutdown.ts';
import { STDIN } from './stdio.ts';
import { isatty } from './terminal.ts';
import { traceOf } from './trace.ts';

const NEWLINE_BYTE = 0x0a;
const NUL_BYTE = 0;

export interface SendFlags extends DirectFlags, RecordFlags {
  readonly dir?: string;
  readonly queue?: string;
  readonly file?: string;
  readonly lines?: true;
  readonly null?: true;
  readonly header?: readonly (readonly [string, string])[];
  readonly priority?: number;
  readonly delay?: number;
  readonly at?: Date;
  readonly ttl?: number;
  readonly key?: string;
  readonly keyTtl?: number;
  readonly maxAttempts?: number;
  readonly backoff?: number;
  readonly deadTo?: string;
  readonly wait?: true;
  readonly timeout?: number;
  readonly json?: true;
  readonly quiet?: true;
  readonly trace?: true;
  readonly compress?: boolean;
}

/** What not every send needs: see direct.ts. */
export interface SendExtras {
  record?(flags: SendFlags): SendRecorder | undefined;
  toProcess?(
    pid: number,
    flags: SendFlags,
    options: Pick<SendOptions, 'signal' | 'onProgress'>,
  ): DirectSession;
}

/** `sigmq send`. @returns the exit code; `help`: nothing to send was given */
export async function send(
  words: readonly string[],
  flags: SendFlags,
  { record, toProcess }: SendExtras = {},
): Promise<number | 'help'> {
  const progress = new Progress();
  const deadline = new Deadline(flags.timeout, undefined, over(flags));
  const { signal } = deadline;
  let sender: SendSession | DirectSession | undefined;
  let recorder: SendRecorder | undefined;
  try {
    const source = sourceOf(words, flags);
    if (source === undefined) return 'help';
    const { queue, priority, delay: delayMs, ttl: ttlMs, header: headers } = flags;
    const { key, keyTtl: keyTtlMs, at, maxAttempts, backoff: backoffMs, deadTo } = flags;
    const many = flags.lines || flags.null;
    if (many && key !== undefined) throw cliErrors.keyOfMany();
    const { dir, wait, compress } = flags;
    const options = {
      ...{ queue, priority, delayMs, ttlMs, headers, key, keyTtlMs, at },
      ...{ maxAttempts, backoffMs, deadTo },
      timeoutMs: flags.timeout,
    };
    checkSend(options);
    recorder = record?.(flags);
    const watched = { signal, ...(many ? {} : { onProgress: progress.bits }) };
    if (flags.pid === undefined || !toProcess) {
      const producer = await Producer.open({ dir, wait, compress, signal });
      if (producer.plainBecause && !flags.quiet) {
        say(
          `running as a plain peer (${producer.plainBecause}): messages go out slowly and unconfirmed.`,
        );
      }
      const isTyped = source === '-' && isatty(STDIN);
      const shown = isTyped ? undefined : progress;
      sender = new SendSession(producer, flags, shown, { ...options, ...watched });
    } else {
      sender = toProcess(flags.pid, flags, watched);
      if (sender.kind === 'plain') recorder?.onPlainPeer(flags.pid);
    }
    if (many) await sendRecords(sender, source, flags, signal);
    else {
      const isPath = typeof source === 'string';
      await sender.send([isPath ? await readMessage(sender, source, signal) : source]);
    }
    return Exit.Ok;
  } catch (error) {
    progress.stop();
    return report(error);
  } finally {
    progress.stop();
    await sender?.close();
    recorder?.close();
    deadline.clear();
  }
}

/** What to say when the time is over. */
function over({ pid, dir }: SendFlags): (ms: number) => SigmqError {
  if (pid === undefined) return (ms) => producerErrors.timeout(ms, stoppedBroker(dir));
  return (ms) => producerErrors.timeoutOf(pid, ms, isStopped(processTable().read(pid)));
}

/** Sends, and prints what the flags ask for. */
class SendSession {
  readonly #producer: Producer;
  readonly #flags: SendFlags;
  /** Undefined: nothing else is to be written where somebody types. */
  readonly #progress: Progress | undefined;
  readonly #options: SendOptions;
  /** Messages that the broker has confirmed. */
  #confirmed = 0;
  #inspector: Inspector | undefined;

  constructor(
    producer: Producer,
    flags: SendFlags,
    progress: Progress | undefined,
    options: SendOptions,
  ) {
    this.#producer = producer;
    this.#flags = flags;
    this.#progress = progress;
    const onFrame = (sent: SentFrame) => print(traceOf(sent));
    this.#options = flags.trace ? { ...options, onFrame } : options;
  }

  /** Undefined: the broker does not say. */
  get maxMessageBytes(): number | undefined {
    return this.#producer.maxMessageBytes;
  }

  async send(bodies: Iterable<Uint8Array>): Promise<void> {
    if (this.#flags.json || this.#flags.key !== undefined) {
      for (const body of bodies) await this.#sendAndTell(body);
      return;
    }
    const onConfirmed = (count: number) => {
      this.#confirmed += count;
      if (!this.#options.onProgress) this.#progress?.messages(this.#confirmed);
    };
    await this.#producer.sendAll(bodies, { ...this.#options, onConfirmed });
  }

  /** For a send that ends before everything is sent: the user may send again from there on. */
  tellConfirmed(kind: string): void {
    this.#progress?.stop();
    const verb = this.#confirmed === 1 ? 'was' : 'were';
    say(`${counted(this.#confirmed, kind)} ${verb} confirmed before this.`);
  }

  async close(): Promise<void> {
    await this.#inspector?.close();
    await this.#producer.close();
  }

  /** Only the broker knows the id: it is asked after each message. */
  async #sendAndTell(body: Uint8Array): Promise<void> {
    await this.#producer.send(body, this.#options);
    this.#confirmed++;
    const { dir, queue = DEFAULT_QUEUE, key, json, quiet } = this.#flags;
    const { signal } = this.#options;
    const ask = async () => {
      this.#inspector ??= await Inspector.open({ dir });
      return this.#inspector.lastSent({ signal });
    };
    const { id, isDuplicate } = await lastSentOf(ask, signal);
    const duplicate = isDuplicate ? { duplicate: true } : {};
    if (json) print(`${JSON.stringify({ id, queue, bytes: body.length, ...duplicate })}\n`);
    else if (isDuplicate && !quiet)
      say(`not stored: ${id === null ? 'another message' : `message ${id}`} stands for this key.`);
    else if (id === null && key !== undefined && !quiet)
      say('stored, unless another message stands for this key: the broker that knew has ended.');
  }
}

async function sendRecords(
  sender: SendSession | DirectSession,
  source: string | Buffer,
  { null: nul, quiet }: SendFlags,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (typeof source !== 'string') throw cliErrors.twoSources();
  const kind = nul ? 'message' : 'line';
  let empty = 0;
  onInterrupt(() => sender.tellConfirmed(kind));
  const reading = new AbortController();
  try {
    const max = sender.maxMessageBytes ?? MAX_INPUT_BYTES;
    const isOver = signal ? AbortSignal.any([signal, reading.signal]) : reading.signal;
    const input = new ReadAhead(records(source, nul ? NUL_BYTE : NEWLINE_BYTE, max, isOver));
    const onEmpty = () => empty++;
    while (await input.more()) await sender.send(filled(input.items(), onEmpty));
  } catch (error) {
    sender.tellConfirmed(kind);
    throw error;
  } finally {
    reading.abort(); // a read that waits would keep the process alive
  }
  if (empty > 0 && !quiet) say(`skipped ${counted(empty, `empty ${kind}`)}.`);
}

function* filled(records: Iterable<Buffer>, onEmpty: () => void): Generator<Buffer> {
  for (const record of records) {
    if (record.length > 0) yield record;
    else onEmpty();
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
