import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ConsumerState,
  conclude,
  newConsumer,
  roomOf,
} from '../../src/broker/consumer-state.ts';
import { parseConsumers } from '../../src/registry/consumers-file.ts';
import { consumer, unsettled } from './fakes.ts';

/** The consumer of a line. */
function given(words: string, kind: 'echo' | 'plain' = 'echo') {
  const [line] = parseConsumers(`71 ${words}\n`, 0);
  assert.ok(line);
  return newConsumer(line, { pid: 71, start: 500 }, kind);
}

describe('newConsumer', () => {
  it('reads what a consumer says of itself', () => {
    const { pid, start, key, queues, jobs, ackWaitMs, kind } = given(
      'start=500 queues=a,b jobs=4 ackwait=5000',
    );
    assert.deepEqual([pid, start, key, kind], [71, 500, '71:500', 'echo']);
    assert.deepEqual([queues, jobs, ackWaitMs], [['a', 'b'], 4, 5000]);
    const other = given('start=500');
    assert.deepEqual([other.queues, other.jobs, other.ackWaitMs], [['default'], 1, undefined]);
  });

  it('takes no nonsense of what a consumer says', () => {
    const many = Array.from({ length: 1010 }, (_, n) => `q${n}`).join(',');
    for (const words of ['jobs=0 ackwait=-1', 'jobs=1.5 ackwait=1e99', `jobs=x queues=${many}`]) {
      const { jobs, ackWaitMs } = given(words);
      assert.deepEqual([jobs, ackWaitMs], [1, undefined]);
    }
    assert.equal(given(`jobs=x queues=${many}`).queues.length, 1000);
    assert.deepEqual(given('queues=a,b%20c,d').queues, ['a', 'd']);
  });

  it('reads groups and weights, of which there is one for each queue', () => {
    assert.deepEqual(given('queues=a@g,b@g@h,@g,b weights=3,1').queues, ['a@g', 'b']);
    assert.deepEqual(given('queues=a,b weights=3,1').weights, [3, 1]);
    assert.deepEqual(given('queues=a,b weights=x,9999').weights, [1, 1000]);
    for (const words of ['queues=a,b', 'queues=a,b weights=3', 'queues=a,b weights=1,2,3'])
      assert.equal(given(words).weights, undefined);
  });

  it('gives it 1000 messages at once at most, and a plain one a single one', () => {
    assert.equal(given('jobs=1001').jobs, 1000);
    assert.equal(given('jobs=4', 'plain').jobs, 1);
  });

  it('reads how many it wants at once and altogether, and what it takes', () => {
    const { prefetch, count, accepts, hand } = given(
      'jobs=4 prefetch=10 count=7 accepts=batch,new',
    );
    assert.deepEqual([prefetch, count, hand], [10, 7, 1]);
    assert.deepEqual(accepts, { batch: true, brotli: false, model: false });
    assert.equal(given('jobs=4 prefetch=2').prefetch, 4);
    assert.equal(given('prefetch=5000').prefetch, 1000);
    for (const words of ['', 'count=0 prefetch=x', 'count=-1', 'count=1.5', 'count=1e400']) {
      const { prefetch, count, accepts } = given(words);
      assert.deepEqual([prefetch, count], [1, Number.POSITIVE_INFINITY], words);
      assert.deepEqual(accepts, { batch: false, brotli: false, model: false });
    }
    const plain = given('prefetch=9 accepts=batch,brotli', 'plain');
    assert.deepEqual(
      [plain.prefetch, plain.accepts.batch, plain.accepts.brotli],
      [1, false, false],
    );
  });
});

describe('roomOf', () => {
  const room = (more: Partial<ConsumerState>) => roomOf(consumer({ pid: 71, ...more }));
  const some = (count: number) =>
    new Map(Array.from({ length: count }, (_, n) => [n, unsettled] as const));

  it('is what its hand takes beside what it has, within what it wants', () => {
    assert.equal(room({}), 1);
    assert.equal(room({ jobs: 4, prefetch: 10 }), 4);
    assert.equal(room({ jobs: 4, prefetch: 10, hand: 8 }), 8);
    assert.equal(room({ jobs: 4, prefetch: 10, hand: 16 }), 10);
    assert.equal(room({ jobs: 4, prefetch: 10, hand: 8, inFlight: some(3), overdue: some(2) }), 3);
    assert.equal(room({ jobs: 4, prefetch: 4, count: 5, given: 3 }), 2);
    assert.equal(room({ jobs: 4, prefetch: 4, count: 5, given: 5 }), 0);
  });
});

describe('conclude', () => {
  it('gives twice as many to who has nothing left to do, though more is on its way', () => {
    for (const [left, hand] of [
      [{ isSending: true }, 8],
      [{ isSending: false }, 4],
    ] as const) {
      const [known, other] = [{ ...unsettled }, { ...unsettled, ...left }];
      const inFlight = new Map([
        [1, known],
        [2, other],
      ]);
      const who = consumer({ pid: 71, prefetch: 100, hand: 4, inFlight });
      conclude(who, [{ id: 1, outcome: { kind: 'done' }, known }]);
      assert.deepEqual([who.hand, [...who.inFlight.keys()]], [hand, [2]]);
    }
  });
});
