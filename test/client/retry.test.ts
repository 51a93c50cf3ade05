import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isNoBroker, isUnavailable, untilAnswered } from '../../src/client/retry.ts';
import { isPassing, linkErrors } from '../../src/link/errors.ts';

describe('untilAnswered', () => {
  const always = () => true;

  it('tries again after no answer, and after an error that passes', async () => {
    const ends = [undefined, new Error('passing'), 'answer', 'never asked for'];
    const answer = await untilAnswered(
      async () => {
        const end = ends.shift();
        if (end instanceof Error) throw end;
        return end;
      },
      always,
      undefined,
    );
    assert.equal(answer, 'answer');
    assert.deepEqual(ends, ['never asked for']);
  });

  it('passes an error on that does not pass', async () => {
    let tries = 0;
    const attempt = async () => {
      throw new Error(`error ${++tries}`);
    };
    const trying = untilAnswered(attempt, () => tries < 2, undefined);
    await assert.rejects(trying, /error 2/);
  });

  it('ends with the reason of the signal: before the first try, and in a pause', async () => {
    const abort = new AbortController();
    let tries = 0;
    const attempt = async () => {
      tries++;
      setImmediate(() => abort.abort(new Error('enough')));
      return undefined;
    };
    await assert.rejects(untilAnswered(attempt, always, abort.signal), /enough/);
    await assert.rejects(untilAnswered(attempt, always, abort.signal), /enough/);
    assert.equal(tries, 1);
  });
});

it('one may ask the same broker again, another one, or none', () => {
  const [again, another, none] = [linkErrors.busLost(), linkErrors.gone(5), linkErrors.closed()];
  const errors = [again, another, none, new Error('else')];
  assert.deepEqual(errors.map(isPassing), [true, false, false, false]);
  assert.deepEqual(errors.map(isUnavailable), [false, true, true, false]);
  assert.deepEqual(errors.map(isNoBroker), [false, true, false, false]);
});
