import assert from 'node:assert/strict';
import { it } from 'node:test';
import { quietly } from '../src/quietly.ts';

it('a quiet look returns what there is, and undefined when it fails', () => {
  assert.equal(
    quietly(() => 0),
    0,
  );
  const failing = () => {
    throw new Error('gone');
  };
  assert.equal(quietly(failing), undefined);
});
