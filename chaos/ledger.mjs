// What producers were told and what consumers wrote, and whether the two agree. Knows nothing of processes.
import { createHash } from 'node:crypto';

/** What becomes of a message at its consumer: worker.sh does as it says. */
export const Fate = {
  /** Printed, or handled at once. */
  Ok: 'ok',
  /** Its first attempt fails. */
  Fail: 'fail',
  /** Given back once. */
  Later: 'later',
  /** Its first attempt takes longer than the ack-wait. */
  Slow: 'slow',
  /** Rejected for good. */
  Bad: 'bad',
};

/** A message that shows damage: its number, its fate, filling with UTF-8 in it, and a hash of all that. */
export function messageOf(number, random, fate = Fate.Ok) {
  const filling = '·größer 信号 '.repeat(random.of(number).int(0, 6));
  const text = `${number} ${fate} ${filling}`;
  return `${text}#${hashOf(text)}`;
}

/** The number and the fate of an intact message; undefined for anything else. */
export function readMessage(message) {
  const at = message.lastIndexOf('#');
  const text = message.slice(0, at);
  if (at < 0 || hashOf(text) !== message.slice(at + 1)) return undefined;
  const [number, fate] = text.split(' ');
  return { number: Number(number), fate };
}

const hashOf = (text) => createHash('sha256').update(text).digest('hex').slice(0, 16);

export class Ledger {
  /** Numbers that may or may not be on their way, and those among them whose send ended with 0. */
  attempted = new Set();
  confirmed = new Set();
  /** Of which the broker said that they are not stored. */
  refused = new Set();

  /**
   * @param consumers each `{ pid, died, records }`: whether it was killed, and what it wrote, as
   *   `{ id, attempt, text }`; plain consumers know no id and no attempt
   * @param expired ids of messages that the broker has taken from a consumer because it was silent for
   *   too long
   * @returns the counts, the sentences about what is wrong, and the numbers of what is missing
   */
  audit(consumers, expired = new Set()) {
    const { deliveries, wrong } = this.#collect(consumers);
    let repeats = 0;
    for (const [number, records] of deliveries) {
      repeats += records.length - 1;
      wrong.push(...records.flatMap((record) => objection(number, records, record, expired) ?? []));
    }
    for (const number of this.refused) {
      if (deliveries.has(number))
        wrong.push(`message ${number} was refused and delivered all the same`);
    }
    const missing = [...this.confirmed].filter(
      (number) => !isThrough(deliveries.get(number) ?? []),
    );
    if (missing.length > 0) wrong.push(`confirmed and not delivered: ${missing.join(' ')}`);
    const counts = {
      attempted: this.attempted.size,
      confirmed: this.confirmed.size,
      delivered: deliveries.size,
      repeats,
    };
    const rejected = [...deliveries.values()].filter(([{ fate }]) => fate === Fate.Bad).length;
    return { counts, wrong, missing, rejected };
  }

  #collect(consumers) {
    const deliveries = new Map();
    const wrong = [];
    for (const by of consumers) {
      for (const { text, ...record } of by.records) {
        const message = readMessage(text);
        if (!message || !this.attempted.has(message.number)) {
          wrong.push(`consumer ${by.pid} wrote what nobody sent: ${JSON.stringify(text)}`);
          continue;
        }
        const { number, fate } = message;
        const records = deliveries.get(number) ?? [];
        records.push({ ...record, fate, by });
        deliveries.set(number, records);
      }
    }
    for (const records of deliveries.values()) {
      records.sort((a, b) => (a.attempt ?? 0) - (b.attempt ?? 0));
    }
    return { deliveries, wrong };
  }
}

/** Whether what is wanted of a message has happened. */
function isThrough(records) {
  const [first] = records;
  if (first?.fate === Fate.Later) return records.length > 1 || first.attempt > 1;
  if (first?.fate === Fate.Fail) return records.some(({ attempt }) => attempt > 1);
  return first !== undefined;
}

/** What speaks against this delivery; undefined: nothing. */
function objection(number, records, record, expired) {
  const before = records[records.indexOf(record) - 1];
  if (!before) return undefined;
  // A plain consumer tells neither.
  const isKnown = record.id !== undefined && before.id !== undefined;
  if (isKnown && record.id !== before.id) {
    return `message ${number} was stored twice, as ${before.id} and ${record.id}`;
  }
  const { fate, by } = before;
  // Every reason but giving it back spends an attempt, so that the next delivery has another number.
  const same = records.filter(({ attempt }) => attempt === record.attempt);
  const wasGivenBack = fate === Fate.Later && same.length <= 2;
  if (isKnown && record.attempt === before.attempt && !wasGivenBack) {
    return `attempt ${record.attempt} of message ${number} was delivered twice, ${told(records)}`;
  }
  const failed = fate === Fate.Fail && before.attempt === 1;
  const stalled = by.stalled || record.by.stalled;
  if (by.died || failed || stalled || fate === Fate.Later || expired.has(record.id))
    return undefined;
  return `message ${number} was delivered again without a reason, ${told(records)}`;
}

function told(records) {
  const list = records.map(
    ({ id, attempt, fate, by }) =>
      `to ${by.pid}${by.died ? ' (killed)' : ''} as ${id} attempt ${attempt} ${fate}`,
  );
  return list.join(', ');
}

/** Whether numbers rise within one consumer's records. @returns sentences about what is wrong */
export function outOfOrder(records) {
  const numbers = records.map(({ text }) => readMessage(text)?.number);
  return numbers
    .filter((number, at) => at > 0 && !(number > numbers[at - 1]))
    .map((number) => `message ${number} is out of order`);
}
