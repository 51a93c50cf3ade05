import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readBootId } from '../../src/registry/boot-id.ts';

it('readBootId stays the same until the next boot', () => {
  assert.match(readBootId(), /^(boot|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/);
  assert.equal(readBootId(), readBootId());
});
