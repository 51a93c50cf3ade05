// Whether the checker of keys can fail.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { record, worker } from './fixtures.mjs';
import { KeyLedger } from './key-ledger.mjs';

const run = (number, began, more = {}) => record(number, { began, ended: true, ...more });
/** Sent with one key, and handled one after the other. */
const all = () => [run(0, 10), run(1, 20), run(2, 30)];
/** When the send of a message had ended. */
const at = (number) => 9 + 10 * number;

/** Messages 0 to 2 have the key `k`, and 3 another. */
function audit(crew, prepare = (_) => {}) {
  const ledger = new KeyLedger();
  for (const number of [0, 1, 2, 3]) ledger.sending(number, number < 3 ? 'k' : 'other');
  for (const number of [0, 1, 2]) ledger.told(number, { id: 100 + number }, at(number));
  prepare(ledger);
  return ledger.audit(crew);
}

describe('the ledger of keys', () => {
  it('has nothing to say when they were there one after the other', () => {
    const { wrong, counts } = audit([worker(all())]);
    assert.deepEqual(wrong, []);
    assert.equal(counts['not stored'], 0);
    const late = (ledger) => {
      ledger.sending(4, 'k');
      ledger.told(4, { id: 102, duplicate: true }, 31);
    };
    assert.equal(audit([worker(all())], late).counts['not stored'], 1);
    assert.deepEqual(audit([worker(all())], late).wrong, []);
  });

  it('lets others with another key be there, and the command of who was killed', () => {
    const other = (ledger) => ledger.told(3, { id: 103 }, 5);
    assert.deepEqual(audit([worker([...all(), run(3, 40)])], other).wrong, []);
    const killed = worker([run(0, 25, { ended: false })], { died: true });
    const again = [run(0, 10, { attempt: 2 }), run(1, 20), run(2, 30)];
    assert.deepEqual(audit([killed, worker(again)]).wrong, []);
  });

  it('does not count on what nobody knows', () => {
    const unknown = (ledger) => ledger.told(3, { id: null }, 5);
    const { wrong, counts } = audit([worker(all())], unknown);
    assert.deepEqual([wrong, counts.confirmed], [[], 3]);
  });

  /** @type {Record<string, [records: any[], RegExp, ((ledger: KeyLedger) => void)?]>} */
  const cases = {
    'two with one key are handled at a time': [
      [run(0, 10), run(0, 21, { attempt: 1, releases: 1 }), run(1, 20), run(2, 30)],
      /messages 0 and 1 with key k were both there/,
    ],
    'one is stored while another waits': [
      [run(0, 20), run(1, 20), run(2, 30)],
      /messages 0 and 1 with key k were both there/,
    ],
    'a third comes while the first is there': [
      [run(0, 10), run(0, 31, { attempt: 2 }), run(1, 20), run(2, 30)],
      /messages 0 and 2 with key k were both there/,
    ],
    'what was stored is lost': [all().slice(1), /confirmed and not delivered: 0$/],
    'what was not stored is delivered': [
      [...all(), run(3, 40)],
      /message 3 was refused and delivered all the same/,
      (ledger) => ledger.told(3, { id: 100, duplicate: true }, 5),
    ],
    'another key stands for one': [
      all(),
      /message 3 was not stored for 100, which has not its key/,
      (ledger) => ledger.told(3, { id: 100, duplicate: true }, 5),
    ],
    'nobody stands for one': [
      all(),
      /message 3 was not stored for 999, which has not its key/,
      (ledger) => ledger.told(3, { id: 999, duplicate: true }, 5),
    ],
    'a key is never free again': [
      all(),
      /message 4 was not stored, though no other had its key/,
      (ledger) => {
        ledger.sending(4, 'k');
        ledger.alone.add(4);
        ledger.told(4, { id: 102, duplicate: true }, 40);
      },
    ],
  };
  for (const [name, [records, sentence, prepare]] of Object.entries(cases)) {
    it(`notices that ${name}`, () => {
      const { wrong } = audit([worker(records)], prepare);
      assert.ok(
        wrong.some((why) => sentence.test(why)),
        wrong.join('\n'),
      );
    });
  }
});
