import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fieldsOf } from '../../src/client/send-options.ts';

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
