import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lastSentOf } from '../../src/cli/last-sent.ts';
import { producerErrors } from '../../src/client/errors.ts';

const NOT_KNOWN = { id: null, isDuplicate: false };
const failing = (error: unknown) => () => Promise.reject(error);

describe('what became of a confirmed message', () => {
  it('is what the broker says', async () => {
    const sent = { id: 7, isDuplicate: true };
    assert.deepEqual(await lastSentOf(async () => [sent], undefined), sent);
    assert.deepEqual(await lastSentOf(async () => [], undefined), NOT_KNOWN);
  });

  it('is not known, and no failure, when the broker has ended, or the time is over', async () => {
    for (const error of [producerErrors.brokerGone(), producerErrors.closing()])
      assert.deepEqual(await lastSentOf(failing(error), undefined), NOT_KNOWN);
    const late = failing(new Error('late'));
    assert.deepEqual(await lastSentOf(late, AbortSignal.abort()), NOT_KNOWN);
  });

  it('is asked of a broker only that can say it', async () => {
    for (const error of [producerErrors.plainRequest(), producerErrors.noAnswer()])
      await assert.rejects(lastSentOf(failing(error), new AbortController().signal), error);
  });
});
