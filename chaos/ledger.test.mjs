// Whether the checker can fail: what it is there to notice is made here.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fate, Ledger, messageOf, outOfOrder } from './ledger.mjs';
import { Random } from './random.mjs';

const random = new Random(1);
const record = (number, { id = 100 + number, attempt = 1, fate } = {}) => ({
  id,
  attempt,
  text: messageOf(number, random, fate),
});
const consumer = (records, more = {}) => ({ pid: 7, died: false, records, ...more });

/** Three messages, all confirmed. */
function audit(consumers, expired) {
  const ledger = new Ledger();
  for (const number of [0, 1, 2]) {
    ledger.attempted.add(number);
    ledger.confirmed.add(number);
  }
  return ledger.audit(consumers, expired);
}

const all = () => [record(0), record(1), record(2)];

describe('the ledger', () => {
  it('has nothing to say when every message came once', () => {
    const { wrong, counts } = audit([consumer(all().slice(0, 1)), consumer(all().slice(1))]);
    assert.deepEqual(wrong, []);
    assert.deepEqual(counts, { attempted: 3, confirmed: 3, delivered: 3, repeats: 0 });
  });

  const cases = {
    'a message is lost': [[consumer(all().slice(1))], /not delivered: 0$/m],
    'a message is altered': [
      [
        consumer([
          { ...record(0), text: record(0).text.replace('0 ok', '0 ko') },
          ...all().slice(1),
        ]),
      ],
      /nobody sent/,
    ],
    'a message comes from nowhere': [[consumer([...all(), record(3)])], /nobody sent/],
    'half a message was written': [
      [consumer([...all(), { ...record(1), text: record(1).text.slice(0, -1) }])],
      /nobody sent/,
    ],
    'a message is delivered again for no reason': [
      [consumer([...all(), record(1, { attempt: 2 })])],
      /message 1 was delivered again without a reason/,
    ],
    'an attempt is delivered twice, though the consumer was killed': [
      [consumer(all(), { died: true }), consumer([record(1)])],
      /attempt 1 of message 1 was delivered twice/,
    ],
    'the one that was killed came later': [
      [consumer(all()), consumer([record(1, { attempt: 2 })], { died: true })],
      /again without a reason/,
    ],
    'a message is stored twice': [
      [consumer(all(), { died: true }), consumer([record(1, { id: 500 })])],
      /stored twice/,
    ],
    'a failed message does not come again': [
      [consumer([record(0, { fate: Fate.Fail }), ...all().slice(1)])],
      /not delivered: 0$/m,
    ],
    'a message that was given back does not come again': [
      [consumer([record(0, { fate: Fate.Later }), ...all().slice(1)])],
      /not delivered: 0$/m,
    ],
    'a rejected message comes again': [
      [
        consumer([
          ...all().slice(1),
          record(0, { fate: Fate.Bad }),
          record(0, { fate: Fate.Bad, attempt: 2 }),
        ]),
      ],
      /again without a reason/,
    ],
  };
  for (const [name, [consumers, sentence]] of Object.entries(cases)) {
    it(`notices that ${name}`, () => {
      const { wrong } = audit(consumers);
      assert.match(wrong.join('\n'), sentence);
    });
  }

  it('accepts another delivery after a death, a failure, or an expired ack-wait', () => {
    const again = [record(1, { attempt: 2 })];
    assert.deepEqual(audit([consumer(all(), { died: true }), consumer(again)]).wrong, []);
    assert.deepEqual(audit([consumer([...all(), ...again])], new Set([101])).wrong, []);
    for (const [fate, attempt] of [
      [Fate.Fail, 2],
      [Fate.Later, 1],
    ]) {
      const records = [record(0), record(2), record(1, { fate }), record(1, { fate, attempt })];
      assert.deepEqual(audit([consumer(records)]).wrong, []);
    }
  });

  it('notices a change of order', () => {
    assert.deepEqual(outOfOrder(all()), []);
    assert.deepEqual(outOfOrder([record(1), record(0)]), ['message 0 is out of order']);
    assert.deepEqual(outOfOrder([record(1), record(1)]), ['message 1 is out of order']);
  });
});
