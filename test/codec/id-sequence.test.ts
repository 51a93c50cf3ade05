import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { IdSequence } from '../../src/codec/id-sequence.ts';

/** Ids as they come: ahead in steps, alone, back again. */
const anyIds = fc.array(
  fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 })),
  { minLength: 1, maxLength: 30 },
);
const after = (...ids: number[]) => ids.reduce((all, id) => all.with(id), IdSequence.empty);

describe('IdSequence', () => {
  for (const [ids, expected] of [
    [[], undefined],
    [[7], 8],
    [[7, 8], 9],
    [[7, 9], 11],
    [[7, 9, 10], 11],
    [[9, 7], 8],
    [[7, 9, 9], 10],
    [[7, 9, 3], 4],
    [[0, 5, 10], 15],
  ] as const) {
    it(`expects ${expected} after ${ids.join(', ') || 'nothing'}`, () => {
      assert.equal(after(...ids).expected, expected);
    });
  }

  it('leaves the one as it was that another id is added to', () => {
    const one = after(7, 9);
    one.with(100);
    assert.equal(one.expected, 11);
  });

  it('is the same at both ends, whatever ids go over, also when frames are lost or refused', () => {
    const frames = fc.array(
      fc.record({ ids: anyIds, end: fc.constantFrom('taken', 'taken', 'lost', 'unheard') }),
    );
    const property = fc.property(frames, (frames) => {
      let sender: IdSequence | undefined;
      let receiver = IdSequence.empty;
      for (const { ids, end } of frames) {
        // As a broker does: after a frame of which the end is not known everything is said.
        let mine = sender ?? IdSequence.empty;
        const said = ids.map((id) => {
          const one = mine.expected === id ? undefined : id;
          mine = mine.with(id);
          return one;
        });
        const isAnew = sender === undefined;
        sender = end === 'taken' ? mine : undefined;
        if (end === 'lost') continue;
        let its = isAnew ? IdSequence.empty : receiver;
        const understood = said.map((id) => {
          const one = id ?? its.expected;
          assert.notEqual(one, undefined);
          its = its.with(one as number);
          return one;
        });
        assert.deepEqual(understood, ids);
        receiver = its;
      }
    });
    fc.assert(property);
  });
});
