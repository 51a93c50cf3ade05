import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ChangesNote, changesOf } from '../../../src/changes.ts';
import { Live } from '../../../src/cli/top/live.ts';

const NOTE: ChangesNote = { since: 1, now: 1000 };

function given(first: Partial<ChangesNote> = {}) {
  const live = new Live();
  const told = (note: Partial<ChangesNote>) => {
    live.take(changesOf({ ...NOTE, ...note }));
    live.sample();
  };
  told({ all: true, bits: 300, ...first });
  return { live, told, only: () => live.queues[0] };
}

describe('Live', () => {
  const QUEUE = ['q', 0, 1, 2, 3, 4, 10, 9, 8, 1];

  it('knows what is in a queue at once, and how fast that changes from the second time on', () => {
    const { told, only } = given({ queues: [QUEUE] });
    const { ready, delayed, reserved, dead, rates } = only() ?? assert.fail();
    assert.deepEqual([ready, delayed, reserved, dead], [1, 2, 3, 4]);
    assert.deepEqual(rates, { accepted: undefined, done: undefined, failed: undefined });
    told({ now: 3000, queues: [['q', 1, 0, 0, 0, 0, 14, 12, 14, 2]] });
    assert.deepEqual(only()?.rates, { accepted: 2, done: 3, failed: 0.5 });
    assert.equal(only()?.paused, true);
    told({ now: 4000 });
    assert.deepEqual(only()?.rates, { accepted: 0, done: 0, failed: 0 });
    assert.deepEqual(only()?.history, [3, 0]);
  });

  it('counts a queue that is new from nothing', () => {
    const { told, live } = given();
    told({ now: 2000, queues: [QUEUE] });
    assert.deepEqual(live.queues[0]?.rates, { accepted: 10, done: 8, failed: 1 });
  });

  it('knows since when a consumer has what it has', () => {
    const row = [71, 0, 2, 'a,b', 1, 9, 'a', 400];
    const { live } = given({ consumers: [row, [72, 1, 1, 'a', 0, 0, '', 0]] });
    const [first, second] = live.consumers(50);
    assert.deepEqual(first, {
      ...{ pid: 71, kind: 'echo', jobs: 2, queues: ['a', 'b'], holding: 1, id: 9, queue: 'a' },
      ...{ since: 400, heldMs: 650 },
    });
    assert.deepEqual([second?.kind, second?.heldMs], ['plain', 0]);
  });

  it('forgets what has gone, and everything when everything is told', () => {
    const { live, told } = given({ queues: [QUEUE], consumers: [[71], [72]] });
    told({ gone: ['q', 72] });
    assert.deepEqual([live.queues, live.consumers(0).map(({ pid }) => pid)], [[], [71]]);
    told({ all: true, now: 10, queues: [QUEUE], bits: 300 });
    assert.deepEqual(live.consumers(0), []);
    assert.equal(live.queues[0]?.rates.done, undefined);
    assert.equal(live.bits?.perSecond, undefined);
  });

  it('counts the bits in both directions', () => {
    const { live, told } = given();
    told({ now: 2000, bits: 410 });
    assert.deepEqual([live.bits?.perSecond, live.bits?.history], [110, [110]]);
    told({ now: 3000 });
    assert.equal(live.bits, undefined);
  });

  it('keeps no more than a screen can show', () => {
    const { told, only } = given({ queues: [QUEUE] });
    for (let n = 2; n < 200; n++) told({ now: n * 1000, bits: 300 });
    assert.equal(only()?.history.length, 60);
  });
});
