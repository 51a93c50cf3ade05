import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { groupsOf } from '../../src/client/groups.ts';

const SIZE = { bytes: 1200, messages: 48 };

const sizes = (bodies: Iterable<string | Uint8Array>) =>
  [...groupsOf(bodies, SIZE)].map((group) => group.map((body) => body.length));

describe('groupsOf', () => {
  it('puts up to so many messages and bytes into a group, and a larger message into its own', () => {
    assert.deepEqual(sizes([]), []);
    assert.deepEqual(
      sizes(Array.from({ length: 97 }, () => 'x')).map(({ length }) => length),
      [48, 48, 1],
    );
    const lengths = [1201, 600, 600, 1, 1199, 1, 1201, 1, 1200, 5000, 5000];
    assert.deepEqual(sizes(lengths.map((length) => new Uint8Array(length))), [
      ...[[1201], [600, 600], [1, 1199], [1], [1201], [1], [1200]],
      ...[[5000], [5000]],
    ]);
  });

  it('asks for the size of each group anew', () => {
    const size = { bytes: 4, messages: 48 };
    const groups = groupsOf(Array(20).fill('xx'), size);
    const lengths = [];
    for (const group of groups) {
      lengths.push(group.length);
      size.bytes *= 2;
    }
    assert.deepEqual(lengths, [2, 4, 8, 6]);
  });

  it('counts bytes, not characters', () => {
    assert.deepEqual(sizes(['ü'.repeat(300), 'ü'.repeat(300), 'ü']), [[600, 600], [2]]);
  });

  it('keeps each message, and the order', () => {
    const bodies = fc.array(fc.string({ minLength: 1, maxLength: 700 }), { maxLength: 200 });
    fc.assert(
      fc.property(bodies, (given) => {
        const groups = [...groupsOf(given, SIZE)];
        assert.deepEqual(
          groups.flat().map((body) => Buffer.from(body).toString()),
          given.map((text) => Buffer.from(text).toString()),
        );
        assert.ok(groups.every((group) => group.length > 0));
      }),
    );
  });

  it('gives out what was complete before an empty message, and takes no more', () => {
    let taken = 0;
    function* bodies() {
      for (const body of [...Array.from({ length: 49 }, () => 'x'), '', 'y']) {
        taken++;
        yield body;
      }
    }
    const groups = groupsOf(bodies(), SIZE);
    assert.equal(groups.next().value?.length, 48);
    assert.equal(taken, 49);
    assert.throws(() => groups.next(), { code: 'empty', exitCode: 65 });
    assert.equal(taken, 50);
  });

  it('lets go of its source when whoever sends gives up', () => {
    let isClosed = false;
    function* bodies() {
      try {
        for (;;) yield 'x';
      } finally {
        isClosed = true;
      }
    }
    for (const group of groupsOf(bodies(), SIZE)) {
      assert.equal(group.length, 48);
      break;
    }
    assert.ok(isClosed);
  });
});
