import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { producerErrors } from '../../src/client/errors.ts';
import { joinGroups } from '../../src/client/join.ts';

/** A broker that answers with one after the other; an error is thrown. */
function asking(...answers: (Error | null)[]) {
  const asked: unknown[] = [];
  const ask = async (content: unknown) => {
    asked.push(content);
    const answer = answers.shift() ?? null;
    if (answer) throw answer;
    return answer;
  };
  return { requester: { ask: ask as <T>() => Promise<T> }, asked };
}

describe('joinGroups', () => {
  it('waits for a broker, and for one that has time', async () => {
    const { brokerGone, noAnswer } = producerErrors;
    const { requester, asked } = asking(brokerGone(), noAnswer(), null);
    await joinGroups(requester, ['mail@a', 'news@a'], undefined);
    assert.deepEqual(asked, new Array(3).fill({ op: 'join', groups: ['mail@a', 'news@a'] }));
  });

  it('says so when the broker knows no groups, or cannot answer', async () => {
    const unknown = producerErrors.request('The broker does not know the request "join".', 64);
    await assert.rejects(joinGroups(asking(unknown).requester, ['mail@a'], undefined), {
      ...{ code: 'no-groups', exitCode: 78 },
    });
    for (const error of [producerErrors.plainRequest(), producerErrors.request('full', 78)])
      await assert.rejects(joinGroups(asking(error).requester, ['mail@a'], undefined), error);
  });

  it('gives up when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('over'));
    await assert.rejects(joinGroups(asking().requester, ['mail@a'], signal), { message: 'over' });
  });
});
