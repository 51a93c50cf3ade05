import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Recent } from '../src/recent.ts';

describe('Recent', () => {
  const of = (max: number, ...keys: string[]) => {
    const recent = new Recent<string, number>(max);
    keys.forEach((key, n) => {
      recent.set(key, n);
    });
    return recent;
  };
  const known = (recent: Recent<string, number>, ...keys: string[]) =>
    keys.filter((key) => recent.get(key) !== undefined);

  it('keeps so many, and forgets the one that was set longest ago', () => {
    assert.deepEqual(known(of(3, 'a', 'b', 'c'), 'a', 'b', 'c'), ['a', 'b', 'c']);
    assert.deepEqual(known(of(3, 'a', 'b', 'c', 'd'), 'a', 'b', 'c', 'd'), ['b', 'c', 'd']);
  });

  it('keeps what is used: asked for, or set again', () => {
    const asked = of(2, 'a', 'b');
    asked.get('a');
    asked.set('c', 9);
    assert.deepEqual(known(asked, 'a', 'b', 'c'), ['a', 'c']);
    const again = of(2, 'a', 'b', 'a', 'c');
    assert.deepEqual(known(again, 'a', 'b', 'c'), ['a', 'c']);
    assert.equal(again.get('a'), 2);
  });

  it('remembers nothing when asked for what it does not know', () => {
    const recent = of(1, 'a');
    assert.equal(recent.get('b'), undefined);
    assert.equal(recent.get('a'), 0);
  });
});
