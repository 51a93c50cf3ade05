import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Counters, MAX_COUNTED_QUEUES } from '../../src/broker/counters.ts';

const NONE = {
  ...{ accepted: 0, delivered: 0, retried: 0, done: 0, failed: 0, released: 0, lost: 0 },
  ...{ expired: 0, dead: 0, dropped: 0 },
};

describe('Counters', () => {
  it('count by queue and in all, and say since when', () => {
    const before = Date.now();
    const counters = new Counters();
    counters.accepted('a');
    counters.accepted('a');
    counters.accepted('b');
    counters.delivered('a', false);
    counters.delivered('a', true);
    counters.expired('b', 3);
    assert.deepEqual(counters.of('a'), { ...NONE, accepted: 2, delivered: 2, retried: 1 });
    assert.deepEqual(counters.of('b'), { ...NONE, accepted: 1, expired: 3 });
    assert.equal(counters.of('c'), undefined);
    assert.deepEqual(counters.totals, {
      ...{ ...NONE, accepted: 3, delivered: 2, retried: 1, expired: 3 },
      ...{ since: counters.since, refused: {}, lostConsumers: 0, resends: 0, repeats: 0 },
      replies: { sent: 0, dropped: 0 },
    });
    assert.ok(Math.abs(Date.parse(counters.since) - before) < 60_000);
    assert.match(counters.since, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  const endings: [kind: string, becameDead: boolean, counted: object][] = [
    ['done', false, { done: 1 }],
    ['failed', false, { failed: 1 }],
    ['failed', true, { failed: 1, dead: 1 }],
    ['lost', false, { lost: 1 }],
    ['lost', true, { lost: 1, dead: 1 }],
    ['release', false, { released: 1 }],
    ['release', true, { released: 1, dead: 1 }],
    ['dead', true, { dead: 1 }],
    ['dead', false, { dead: 1 }],
    ['return', false, {}],
  ];
  for (const [kind, becameDead, counted] of endings) {
    it(`count a delivery that ends as ${kind}${becameDead ? ', for the last time' : ''}`, () => {
      const counters = new Counters();
      counters.settled('a', kind, becameDead);
      assert.deepEqual(counters.of('a'), { ...NONE, ...counted });
    });
  }

  it('count what expires into the dead ones as both', () => {
    const counters = new Counters();
    counters.expired('a', 2, true);
    assert.deepEqual(counters.of('a'), { ...NONE, expired: 2, dead: 2 });
  });

  it('count refusals by reason, and consumers that were lost', () => {
    const counters = new Counters();
    for (const reason of ['full', 'full', 'too-large']) counters.refused(reason);
    counters.lostConsumer();
    const { refused, lostConsumers } = counters.totals;
    assert.deepEqual([refused, lostConsumers], [{ full: 2, 'too-large': 1 }, 1]);
  });

  it('count frames that went again and came again', () => {
    const counters = new Counters();
    counters.resent();
    counters.repeated();
    counters.repeated();
    const { resends, repeats } = counters.totals;
    assert.deepEqual([resends, repeats], [1, 2]);
  });

  it('know how long what is done took, and nothing of the rest', () => {
    const counters = new Counters();
    counters.settled('a', 'failed', false, 5);
    counters.settled('a', 'done', false);
    assert.equal(counters.latencyOf('a'), undefined);
    for (const ms of [1, 3, 100_000_000]) counters.settled('a', 'done', false, ms);
    const { bounds = [], counts = [], sum } = counters.latencyOf('a') ?? {};
    const of = (bound: number) => counts[bounds.indexOf(bound)];
    assert.deepEqual([of(0.001), of(0.005), of(0.01), counts.at(-1)], [1, 1, 0, 1]);
    assert.equal(sum, 100_000.004);
    assert.equal(counters.latencyOf('b'), undefined);
  });

  it('count no queue beyond the bound by itself, and forget nothing', () => {
    const counters = new Counters();
    for (let n = 0; n < MAX_COUNTED_QUEUES + 5; n++) counters.accepted(`q${n}`);
    assert.equal(counters.of(`q${MAX_COUNTED_QUEUES - 1}`)?.accepted, 1);
    assert.equal(counters.of(`q${MAX_COUNTED_QUEUES}`), undefined);
    assert.equal(counters.others?.accepted, 5);
    assert.equal(counters.totals.accepted, MAX_COUNTED_QUEUES + 5);
    assert.equal(new Counters().others, undefined);
  });
});
