import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newConsumer } from '../../src/broker/consumer-state.ts';
import { parseConsumers } from '../../src/registry/consumers-file.ts';

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

  it('gives it 1000 messages at once at most, and a plain one a single one', () => {
    assert.equal(given('jobs=1001').jobs, 1000);
    assert.equal(given('jobs=4', 'plain').jobs, 1);
  });
});
