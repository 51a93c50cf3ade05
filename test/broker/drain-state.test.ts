import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drainState, drainText, isDrained } from '../../src/broker/drain-state.ts';
import type { DrainState } from '../../src/status.ts';

const count = (queue: string, more: object = {}) => ({
  ...{ queue, ready: 0, delayed: 0, reserved: 0, dead: 0, paused: false },
  ...more,
});
const rest = { heldBy: [], waitsForPaused: false, keepsMessages: true };
const text = (counts: ReturnType<typeof count>[], more: Partial<DrainState> = {}) =>
  drainText(drainState(counts, 1_000_000_000_000, { ...rest, ...more }));

describe('drainText', () => {
  it('says what is waited for, until when, and who has it', () => {
    const counts = [count('a', { ready: 2, delayed: 1 }), count('b', { ready: 1, reserved: 3 })];
    assert.equal(
      text(counts, { heldBy: [5, 6] }),
      'waits for 3 ready, 1 delayed (until 2001-09-09T01:46:40.000Z), 3 reserved (by 5, 6)',
    );
    assert.equal(text([]), 'waits for nothing');
  });

  it('names the paused queues, what becomes of them, and no more than ten', () => {
    const paused = [
      count('a', { paused: true, ready: 2 }),
      count('b', { paused: true, delayed: 1 }),
    ];
    assert.equal(text(paused), 'waits for nothing; 3 in paused queues a, b stay in the store');
    assert.match(
      text(paused, { waitsForPaused: true, keepsMessages: false }),
      /^waits for 2 ready, 1 delayed .*; 3 of them are in paused queues a, b, where they would be lost with the memory: resume or purge$/,
    );
    const many = Array.from({ length: 12 }, (_, n) => count(`q${n}`, { paused: true, ready: 1 }));
    assert.match(text(many), /12 in paused queues q0, .*, q9 and 2 more stay/);
    assert.equal(text([count('a', { paused: true })]), 'waits for nothing');
  });

  it('says of dead ones only that memory loses them', () => {
    const counts = [count('a', { dead: 2 })];
    assert.equal(text(counts), 'waits for nothing');
    assert.match(text(counts, { keepsMessages: false }), /; 2 dead will be lost with the memory$/);
  });
});

it('isDrained is true when nothing is waited for', () => {
  const is = (more: object, waitsForPaused = false) =>
    isDrained(drainState([count('a', more)], undefined, { ...rest, waitsForPaused }));
  assert.equal(is({ dead: 1 }), true);
  for (const state of ['ready', 'delayed', 'reserved']) assert.equal(is({ [state]: 1 }), false);
  assert.equal(is({ paused: true, ready: 1, delayed: 1 }), true);
  assert.equal(is({ paused: true, ready: 1 }, true), false);
  assert.equal(is({ paused: true, reserved: 1 }), false);
});
