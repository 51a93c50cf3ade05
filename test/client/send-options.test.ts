import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deadlineOf, fieldsOf } from '../../src/client/send-options.ts';

describe('fieldsOf', () => {
  it('leaves out what is a default, for each field costs signals', () => {
    const defaults = { queue: 'default', priority: 0, delayMs: 0, headers: [] };
    assert.deepEqual(fieldsOf({}), {});
    assert.deepEqual(fieldsOf(defaults), {});
    assert.deepEqual(fieldsOf({ timeoutMs: 5, onProgress: () => {}, onFrame: () => {} }), {});
  });

  it('has all the rest, whole milliseconds, and a message that expires at once', () => {
    const options = {
      queue: 'q',
      priority: 1,
      delayMs: 0.1,
      ttlMs: 1.5,
      headers: [['k', 'v']] as const,
    };
    assert.deepEqual(fieldsOf(options), { ...options, delayMs: 1, ttlMs: 2 });
    assert.deepEqual(fieldsOf({ ttlMs: 0 }), { ttlMs: 0 });
  });
});

describe('deadlineOf', () => {
  it('aborts when the time is over, and not when it is cleared before', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const [over, cleared] = [deadlineOf({ timeoutMs: 100 }), deadlineOf({ timeoutMs: 100 })];
    t.mock.timers.tick(99);
    assert.equal(over.signal.aborted, false);
    cleared.clear();
    t.mock.timers.tick(1);
    assert.deepEqual([over.signal.reason.code, over.signal.reason.exitCode], ['timeout', 124]);
    assert.equal(cleared.signal.aborted, false);
  });

  it("aborts for the caller's reason, also one from before", () => {
    const caller = new AbortController();
    const { signal } = deadlineOf({ signal: caller.signal });
    assert.equal(signal.aborted, false);
    caller.abort('enough');
    assert.equal(signal.reason, 'enough');
    const { signal: late, clear } = deadlineOf({ signal: caller.signal, timeoutMs: 60_000 });
    assert.equal(late.reason, 'enough');
    clear();
  });
});
