// Whether the checker of replies can fail.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AskLedger } from './ask-ledger.mjs';
import { record, worker } from './fixtures.mjs';
import { Fate } from './message.mjs';

/** A run of worker.sh that came to its end. */
const done = (number, fate, more = {}) => {
  const { attempt = 1 } = more;
  const run = `${100 + number} ${attempt} ${7000 + number}`;
  return record(number, { fate, attempt, run, ended: true, ...more });
};
const replyOf = ({ run, text }) => `${run} ${text}\n`;
const told = (code, text, said = '', more = {}) => ({ code, text, said, ...more });

/** Three messages: one handled, one with an exit code of 3, one rejected. @param changed what they were told instead */
function audit(
  changed = {},
  records = [done(0), done(1, Fate.Three), done(2, Fate.Bad, { ended: false })],
) {
  const ledger = new AskLedger();
  const ends = [
    told(0, replyOf(done(0))),
    told(3, replyOf(done(1, Fate.Three))),
    told(65, '', 'The message is a dead letter'),
  ];
  for (const [number, end] of ends.entries()) {
    ledger.attempted.add(number);
    ledger.answered(number, changed[number] ?? end);
  }
  return ledger.audit([worker(records)]);
}

describe('the ledger of asks', () => {
  it('has nothing to say when each got the reply to its own message', () => {
    const { wrong, counts, rejected } = audit();
    assert.deepEqual([wrong, rejected], [[], 1]);
    assert.equal(counts.confirmed, 3);
    assert.equal(counts['without a reply'], 0);
  });

  it('accepts that who cannot know says so', () => {
    for (const end of [
      told(124, '', 'No reply within 1500 ms.', { isHasty: true }),
      told(75, '', 'The broker has neither the message nor a reply', { isHasty: true }),
      told(75, '', 'The message was not confirmed'),
      told(69, '', 'No broker is running'),
    ]) {
      const { wrong, counts } = audit({ 0: end });
      assert.deepEqual([wrong, counts['without a reply']], [[], 1]);
    }
  });

  /** @type {Record<string, [changed: any, RegExp, records?: any[]]>} */
  const cases = {
    'somebody gets the reply of another': [
      { 0: told(0, replyOf(done(5))) },
      /^ask 0 got the reply to 5$/,
    ],
    'two replies are mixed': [
      { 0: told(0, replyOf(done(0)) + replyOf(done(1))) },
      /^ask 0 got what no worker says/,
    ],
    'a part of the reply is missing': [
      { 0: told(0, replyOf(done(0)).slice(0, -2)) },
      /^ask 0 got what no worker says/,
    ],
    'there is no reply, and success': [{ 0: told(0, '') }, /^ask 0 got what no worker says/],
    'a reply comes from a worker that was killed': [
      {},
      /^ask 0 got a reply that no worker has finished/,
      [
        { ...done(0), ended: false },
        done(0, Fate.Ok, { attempt: 2 }),
        done(1, Fate.Three),
        done(2, Fate.Bad),
      ],
    ],
    'an exit code is lost': [
      { 1: told(0, replyOf(done(1, Fate.Three))) },
      /^ask 1 ended with 0, and 3 is right/,
    ],
    'a dead letter is taken for a success': [
      { 2: told(0, '') },
      /^ask 2 ended with 0, and 65 is right/,
    ],
    'a worker gave no reply': [
      { 0: told(1, '', 'its consumer gave no reply') },
      /^ask 0 ended with 1, and 0 is right/,
    ],
    'a reply is lost': [
      { 0: told(75, '', 'The broker has neither the message nor a reply') },
      /^ask 0 was told that its message is gone/,
    ],
    'a reply does not come': [{ 0: told(124, '', 'No reply') }, /^ask 0 had much time/],
    'who was to wait does not': [
      { 0: told(69, '', 'No broker is running', { mayWait: true }) },
      /^ask 0 did not wait/,
    ],
    'a failure prints something': [{ 0: told(75, 'x') }, /^ask 0 ended with 75, and printed x/],
    'a message that was replied to is lost': [
      {},
      /^confirmed and not delivered: 0$/m,
      [done(1, Fate.Three), done(2, Fate.Bad)],
    ],
  };
  for (const [name, [changed, sentence, records]] of Object.entries(cases)) {
    it(`notices that ${name}`, () => {
      const { wrong } = audit(changed, records);
      assert.ok(
        wrong.some((why) => sentence.test(why)),
        wrong.join('\n'),
      );
    });
  }
});
