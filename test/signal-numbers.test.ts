import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, it } from 'node:test';
import { SIGNALS } from '../src/signal-numbers.ts';

describe('the numbers of signals', () => {
  it('are those of this machine', () => {
    for (const [name, number] of Object.entries(SIGNALS)) {
      assert.equal(number, constants.signals[name as NodeJS.Signals], name);
    }
  });
});
