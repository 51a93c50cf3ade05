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

const never = () => assert.fail('it does not wait for a store');

describe('joinGroups', () => {
  it('waits for a broker, and for one that has time', async () => {
    const { brokerGone, noAnswer } = producerErrors;
    const { requester, asked } = asking(brokerGone(), noAnswer(), null);
    await joinGroups(requester, ['mail@a', 'news@a'], never, undefined);
    assert.deepEqual(asked, new Array(3).fill({ op: 'join', groups: ['mail@a', 'news@a'] }));
  });

  it('waits for a store that is away, and says so once', async () => {
    const away = producerErrors.request('The store cannot be reached.', 75);
    const { requester, asked } = asking(away, away, null);
    const said: string[] = [];
    await joinGroups(requester, ['mail@a'], ({ message }) => said.push(message), undefined);
    assert.equal(asked.length, 3);
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /cannot make the group now.*The store cannot be reached/);
  });

  it('waits for a store no longer than it is to', async () => {
    const over = new AbortController();
    const { requester } = asking(producerErrors.request('The store cannot be reached.', 75));
    const joining = joinGroups(requester, ['mail@a'], () => over.abort(), over.signal);
    await assert.rejects(joining, { name: 'AbortError' });
  });

  it('says so when the broker knows no groups, or cannot answer', async () => {
    const unknown = producerErrors.request('The broker does not know the request "join".', 64);
    await assert.rejects(joinGroups(asking(unknown).requester, ['mail@a'], never, undefined), {
      ...{ code: 'no-groups', exitCode: 78 },
    });
    for (const error of [producerErrors.plainRequest(), producerErrors.request('full', 78)])
      await assert.rejects(
        joinGroups(asking(error).requester, ['mail@a'], never, undefined),
        error,
      );
  });

  it('gives up when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('over'));
    await assert.rejects(joinGroups(asking().requester, ['mail@a'], never, signal), {
      message: 'over',
    });
  });
});
