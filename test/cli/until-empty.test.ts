import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { untilEmpty } from '../../src/cli/until-empty.ts';
import { producerErrors } from '../../src/client/errors.ts';

/** A consumer that is told what to answer, one after the other. */
function fake(answers: (number | Error)[], isBrokerRunning = true) {
  let asked = 0;
  const consumer = {
    lastSignalAt: undefined as number | undefined,
    isBrokerRunning: () => isBrokerRunning,
    waiting: async () => {
      const answer = answers[asked++] ?? 0;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { consumer, asked: () => asked };
}

const never = () => false;

describe('untilEmpty', () => {
  it('asks until nothing is there', async () => {
    const { consumer, asked } = fake([2, 1, 0]);
    assert.equal(await untilEmpty(consumer, never, never), true);
    assert.equal(asked(), 3);
  });

  it('asks again when the answer is late because something long is on its way', async () => {
    const { consumer, asked } = fake([producerErrors.noAnswer(), producerErrors.noAnswer(), 0]);
    assert.equal(await untilEmpty(consumer, never, never), true);
    assert.equal(asked(), 3);
  });

  it('gives up with a broker that is stopped, and at once with any other error', async () => {
    const { consumer } = fake([producerErrors.noAnswer()], false);
    await assert.rejects(untilEmpty(consumer, never, never), { code: 'no-answer' });
    const { consumer: other } = fake([producerErrors.plainRequest()]);
    await assert.rejects(untilEmpty(other, never, never), { code: 'plain-broker' });
  });

  it('does not ask while a message is on its way, or in hand', async () => {
    const { consumer, asked } = fake([]);
    let looks = 0;
    consumer.lastSignalAt = 1;
    assert.equal(await untilEmpty(consumer, never, () => ++looks > 2), false);
    consumer.lastSignalAt = undefined;
    looks = 0;
    assert.equal(
      await untilEmpty(
        consumer,
        () => true,
        () => ++looks > 2,
      ),
      false,
    );
    assert.equal(asked(), 0);
  });
});
