import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deadline } from '../../src/client/deadline.ts';

describe('Deadline', () => {
  it('aborts when the time is over, and not when it is cleared before', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const [over, cleared] = [new Deadline(100), new Deadline(100)];
    t.mock.timers.tick(99);
    assert.equal(over.signal?.aborted, false);
    cleared.clear();
    t.mock.timers.tick(1);
    assert.deepEqual([over.signal?.reason.code, over.signal?.reason.exitCode], ['timeout', 124]);
    assert.equal(cleared.signal?.aborted, false);
    assert.equal(new Deadline(undefined).signal, undefined);
  });

  it("aborts for the caller's reason, also one from before", () => {
    const caller = new AbortController();
    const over = new Deadline(60_000, caller.signal);
    const { signal } = over;
    assert.equal(signal?.aborted, false);
    caller.abort('enough');
    assert.equal(signal?.reason, 'enough');
    assert.equal(new Deadline(undefined, caller.signal).signal, caller.signal);
    const late = new Deadline(60_000, caller.signal);
    assert.equal(late.signal?.reason, 'enough');
    over.clear();
    late.clear();
  });
});
