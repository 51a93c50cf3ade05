// Whether the checker of groups can fail.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consumer, record, worker } from './fixtures.mjs';
import { GroupLedger } from './group-ledger.mjs';
import { Fate } from './message.mjs';

/** Message 0 was there before the groups `a` and `b`, 1 was sent to both, and 2 to `c` as well; 3 was not confirmed. */
function audit(consumers) {
  const ledger = new GroupLedger();
  const send = (number, isConfirmed = true) => {
    ledger.sending([number]);
    ledger.attempted.add(number);
    if (isConfirmed) ledger.confirm(number);
  };
  const make = (group) => {
    ledger.begin(group);
    ledger.made(group);
  };
  send(0);
  make('a');
  make('b');
  send(1);
  make('c');
  send(2);
  send(3, false);
  return ledger.audit(consumers);
}

/** Copies have ids of their own. */
const IDS = { a: 100, b: 200, c: 300 };
const copy = (group, number, more = {}) => record(number, { id: IDS[group] + number, ...more });
const of = (group, numbers, more = {}) =>
  consumer(
    numbers.map((number) => copy(group, number)),
    { args: ['-g', group], ...more },
  );
const whole = () => [of('a', [0, 1, 2]), of('b', [1, 2]), of('c', [2])];

describe('the ledger of groups', () => {
  it('has nothing to say when each group got what was sent once it was there', () => {
    const { wrong, counts } = audit(whole());
    assert.deepEqual(wrong, []);
    assert.deepEqual(counts, { groups: 3, attempted: 4, confirmed: 3, delivered: 6, repeats: 0 });
  });

  it('accepts another delivery after a death in that group', () => {
    const [a, b, c] = whole();
    const again = consumer([copy('b', 1, { attempt: 2 })], { args: ['-g', 'b'] });
    assert.deepEqual(audit([a, { ...b, died: true }, again, c]).wrong, []);
    assert.match(
      audit([{ ...a, died: true }, b, again, c]).wrong.join(),
      /^group b: .*without a reason/,
    );
  });

  it('counts what a group rejected', () => {
    const [a, , c] = whole();
    const bad = [copy('b', 1), copy('b', 2, { fate: Fate.Bad })].map((one) => ({
      ...one,
      ended: true,
    }));
    const { wrong, rejected } = audit([a, worker(bad, { args: ['-g', 'b'] }), c]);
    assert.deepEqual([wrong, rejected], [[], 1]);
  });

  /** @type {Record<string, [consumers: any[], RegExp]>} */
  const cases = {
    'one group misses a message': [
      [of('a', [0, 1, 2]), of('b', [1]), of('c', [2])],
      /^group b: confirmed and not delivered: 2$/,
    ],
    'the first group misses what was there before it': [
      [of('a', [1, 2]), of('b', [1, 2]), of('c', [2])],
      /^group a: confirmed and not delivered: 0$/,
    ],
    'a group gets what was there before it': [
      [of('a', [0, 1, 2]), of('b', [1, 2]), of('c', [1, 2])],
      /^group c: message 1 was there before the group/,
    ],
    'a message is stored for one group only': [
      [of('a', [0, 1, 2, 3]), of('b', [1, 2, 3]), of('c', [2])],
      /^group c: confirmed and not delivered: 3$/,
    ],
    'a group gets a message twice': [
      [...whole(), consumer([copy('c', 2, { attempt: 2 })], { args: ['-g', 'c'] })],
      /^group c: message 2 was delivered again without a reason/,
    ],
    'a group gets two copies': [
      [
        of('a', [0, 1, 2]),
        of('b', [1, 2], { died: true }),
        of('c', [2]),
        consumer([copy('a', 2)], { args: ['-g', 'b'] }),
      ],
      /^group b: message 2 was stored twice/,
    ],
  };
  for (const [name, [consumers, sentence]] of Object.entries(cases)) {
    it(`notices that ${name}`, () => {
      const { wrong } = audit(consumers);
      assert.ok(
        wrong.some((why) => sentence.test(why)),
        wrong.join('\n'),
      );
    });
  }
});
