import { Exit, SigmqError } from '../errors.ts';
import { isGroupQueue, isQueueOrGroup } from '../options/groups.ts';
import { isObject } from '../options/kind.ts';
import { headers as headersKind, isKey } from '../options/kinds.ts';
import { isQueueName } from '../options/queue-name.ts';
import { MAX_ATTEMPTS } from '../options/values.ts';
import { type Failure, failuresOf, MAX_FAILURES, reasonText } from './failure.ts';
import { type Headers, STATES } from './message.ts';
import { settingsOf } from './queue-settings.ts';
import type { Content, KeptKey, LastNumber, SetQueue, Target, Transferred } from './transfer.ts';

/**
 * Goes up with every change that an older sigmq cannot read; an export has the lowest that it can do with.
 * 2: there are groups, and queues that something is set for.
 */
const FORMATS: readonly unknown[] = [1, 2];
/**
 * Bytes of the name of an asker: what a broker writes is some 50 of them and a path. PostgreSQL has it in an index,
 * where it may have 2704 (https://www.postgresql.org/docs/current/btree.html).
 */
const MAX_ASKER_BYTES = 2048;

const transferErrors = {
  badLine: (line: number, why: string) =>
    new SigmqError(
      'bad-import',
      Exit.BadData,
      `Line ${line} is not what \`sigmq export\` writes: ${why}. Nothing was imported.`,
      'Export again, or correct the line.',
    ),
  cutOff: (messages: number) =>
    new SigmqError(
      'bad-import',
      Exit.BadData,
      `The export ends after ${messages} messages without its last line: a part is missing. Nothing was imported.`,
      'Export again; look whether the disk was full.',
    ),
};

/** JSON, one line for each message, between a first and a last line. */
export async function* linesOf(content: Content): AsyncGenerator<string> {
  const { name, paused, producers, keys, queues, groups } = content;
  const format = groups.length > 0 || queues.length > 0 ? 2 : 1;
  yield line({ sigmq: 'export', format, from: name, at: new Date().toISOString(), paused });
  for (const { process, number } of producers) yield line({ sigmq: 'producer', process, number });
  for (const name of groups) yield line({ sigmq: 'group', name });
  for (const key of keys) yield line({ sigmq: 'key', ...key });
  for (const queue of queues) yield line({ sigmq: 'queue', ...queue });
  let messages = 0;
  for await (const some of content.messages()) {
    for (const message of some) yield line(fieldsFor(message));
    messages += some.length;
  }
  yield line({ sigmq: 'end', messages });
}

/**
 * The other direction. What a consumer held is delivered again: it is ready.
 * @param records lines without their ends
 * @returns how many messages there were
 * @throws SigmqError bad-import; what the store throws
 */
export async function take(
  records: AsyncIterable<readonly Uint8Array[]>,
  into: Target,
): Promise<number> {
  let number = 0;
  let messages = 0;
  let isAtEnd = false;
  for await (const some of records) {
    const found: Transferred[] = [];
    const producers: LastNumber[] = [];
    const keys: KeptKey[] = [];
    const queues: SetQueue[] = [];
    const groups: string[] = [];
    for (const bytes of some) {
      number++;
      const fields = fieldsOf(bytes, number);
      if (isAtEnd) throw transferErrors.badLine(number, 'it comes after the last one');
      if (number === 1) await into.pause(pausedOf(fields, number));
      else if (fields.sigmq === 'producer') producers.push(producerOf(fields, number));
      else if (fields.sigmq === 'key') keys.push(keyOf(fields, number));
      else if (fields.sigmq === 'queue') queues.push(setQueueOf(fields, number));
      else if (fields.sigmq === 'group') groups.push(groupOf(fields, number));
      else if (fields.sigmq === 'end') {
        isAtEnd = true;
        if (fields.messages !== messages + found.length)
          throw transferErrors.badLine(number, `it speaks of ${fields.messages} messages`);
      } else found.push(messageOf(fields, number));
    }
    if (producers.length > 0) await into.remember(producers);
    if (keys.length > 0) await into.keep(keys);
    if (queues.length > 0) await into.set(queues);
    if (groups.length > 0) await into.addGroups(groups);
    if (found.length > 0) await into.add(found);
    messages += found.length;
  }
  if (!isAtEnd) throw transferErrors.cutOff(messages);
  await into.end();
  return messages;
}

type Fields = Readonly<Record<string, unknown>>;

function line(fields: Fields): string {
  return `${JSON.stringify(fields)}\n`;
}

/** What most messages have not is left out where they have it not. */
function fieldsFor({ body, key, keyTtlMs, ...message }: Transferred): Fields {
  const { maxAttempts, backoffMs, deadTo, diedAt, failures, ...rest } = message;
  const rare = Object.entries({ maxAttempts, backoffMs, deadTo, diedAt });
  return {
    ...rest,
    ...(key === null ? {} : { key, keyTtlMs }),
    ...Object.fromEntries(rare.filter(([, value]) => value !== null)),
    ...(failures.length > 0 ? { failures } : {}),
    ...bodyFields(body),
  };
}

/** Text stays readable; other bytes become base64. */
function bodyFields(body: Uint8Array): { text: string } | { base64: string } {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const text = bytes.toString();
  return bytes.equals(Buffer.from(text)) ? { text } : { base64: bytes.toString('base64') };
}

function fieldsOf(bytes: Uint8Array, number: number): Fields {
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(bytes).toString());
  } catch (error) {
    throw transferErrors.badLine(number, (error as Error).message);
  }
  if (!isObject(fields)) throw transferErrors.badLine(number, 'it is no object');
  return fields as Fields;
}

function pausedOf({ sigmq, format, paused }: Fields, number: number): string[] {
  if (sigmq !== 'export')
    throw transferErrors.badLine(number, 'the first line of an export is missing');
  if (!FORMATS.includes(format)) {
    const known = FORMATS.join(' and ');
    throw transferErrors.badLine(number, `its format is ${format}; this sigmq knows ${known}`);
  }
  if (!Array.isArray(paused) || !paused.every(isQueueOrGroup))
    throw transferErrors.badLine(number, 'it does not name the paused queues');
  return paused;
}

function producerOf({ process, number: last }: Fields, number: number): LastNumber {
  if (typeof process !== 'string' || !isWhole(last))
    throw transferErrors.badLine(number, 'it names no producer');
  return { process, number: last };
}

function keyOf({ queue, key, until }: Fields, number: number): KeptKey {
  if (!isQueueOrGroup(queue) || !isKey(key) || !isWhole(until))
    throw transferErrors.badLine(number, 'it names no key');
  return { queue, key, until };
}

function setQueueOf({ queue, settings }: Fields, number: number): SetQueue {
  if (!isQueueName(queue) || !isObject(settings))
    throw transferErrors.badLine(number, 'it does not say what a queue is set to');
  return { queue, settings: settingsOf(settings) };
}

function groupOf({ name }: Fields, number: number): string {
  if (!isGroupQueue(name)) throw transferErrors.badLine(number, 'it names no group');
  return name;
}

function messageOf(fields: Fields, number: number): Transferred {
  const { queue, state, headers, text, base64, key = null, asker = null } = fields;
  const wrong = (what: string) => transferErrors.badLine(number, `${what} is missing, or wrong`);
  const whole = (name: string): number => {
    const value = fields[name];
    if (!isWhole(value)) throw wrong(name);
    return value;
  };
  /** Or another number that may be missing. */
  const time = (name: string) => (fields[name] == null ? null : whole(name));
  if (!isQueueOrGroup(queue)) throw wrong('queue');
  const known = STATES.find((one) => one === state);
  if (!known) throw wrong('state');
  if (typeof text !== 'string' && typeof base64 !== 'string') throw wrong('text');
  try {
    headersKind.check(headers);
  } catch {
    throw wrong('headers');
  }
  if (key !== null && !isKey(key)) throw wrong('key');
  if (asker !== null && !isAsker(asker)) throw wrong('asker');
  const maxAttempts = time('maxAttempts');
  if (maxAttempts !== null && !isMaxAttempts(maxAttempts)) throw wrong('maxAttempts');
  const body =
    typeof text === 'string' ? Buffer.from(text) : Buffer.from(base64 as string, 'base64');
  const wasHeld = known === 'reserved';
  const dueAt = time('dueAt');
  if (known === 'delayed' && dueAt === null) throw wrong('dueAt');
  return {
    ...{ queue, body, headers: headers as Headers, state: wasHeld ? 'ready' : known },
    ...{ priority: whole('priority'), position: whole('position') },
    ...{ attempts: whole('attempts'), spent: whole('spent'), releases: whole('releases') },
    deliveries: whole('deliveries') + (wasHeld ? 1 : 0),
    ...{ enqueuedAt: whole('enqueuedAt'), dueAt, expiresAt: wasHeld ? null : time('expiresAt') },
    ...{ key, keyTtlMs: key === null ? null : time('keyTtlMs'), asker },
    ...{ maxAttempts, backoffMs: time('backoffMs'), diedAt: time('diedAt') },
    // A dead one stays where it is.
    deadTo: known !== 'dead' && isQueueName(fields.deadTo) ? fields.deadTo : null,
    failures: failuresOf(fields.failures).slice(-MAX_FAILURES).map(bounded),
  };
}

function bounded({ queue, host, reason, ...failure }: Failure): Failure {
  return {
    ...failure,
    queue: reasonText(queue),
    ...(host === undefined ? {} : { host: reasonText(host) }),
    ...(reason === undefined ? {} : { reason: reasonText(reason) }),
  };
}

function isAsker(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    !value.includes('\0') &&
    Buffer.byteLength(value) <= MAX_ASKER_BYTES
  );
}

function isMaxAttempts(value: number): boolean {
  return value >= 1 && value <= MAX_ATTEMPTS;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
