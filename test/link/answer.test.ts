import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Answer,
  AnswerKind,
  answerFrame,
  answerPartOf,
  decodeAnswer,
  encodeAnswer,
} from '../../src/link/answer.ts';
import { partOf, replyOf, requestOf } from '../../src/link/request.ts';
import { settlementsOf } from '../../src/link/settlement.ts';
import { opened } from './replies.ts';

const anyAnswer: fc.Arbitrary<Answer> = fc.record(
  {
    kind: fc.constantFrom(...Object.values(AnswerKind)),
    exitCode: fc.option(fc.nat({ max: 255 }), { nil: undefined }),
    body: fc.uint8Array({ maxLength: 50 }),
  },
  { noNullPrototype: true },
);

describe('an answer', () => {
  it('is decoded as it was encoded', () => {
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        const decoded = decodeAnswer(encodeAnswer(answer));
        assert.deepEqual(decoded && { ...decoded, body: Uint8Array.from(decoded.body) }, answer);
      }),
    );
  });

  it('is none if it is cut, unknown or out of range, and never throws', () => {
    for (const bytes of [[], [0x72], [0x71, 0], [0x72, 0x81, 0x02], [0x72, 0x80]])
      assert.equal(decodeAnswer(Uint8Array.from(bytes)), undefined, bytes.join());
    fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => void decodeAnswer(bytes)));
  });

  it('arrives in parts, or whole, and is nothing else', () => {
    const part = { number: 7, bytes: Uint8Array.of(1, 0, 2), offset: 0, total: 3 };
    const packed = { ...part, total: 9, unpacked: 100 };
    for (const one of [part, packed, { ...packed, offset: 6 }]) {
      const envelope = opened(answerFrame(one));
      const unpacked = one.offset === 0 && 'unpacked' in one ? one.unpacked : undefined;
      assert.deepEqual(answerPartOf(envelope), { ...one, unpacked });
      for (const read of [partOf, replyOf, requestOf, settlementsOf])
        assert.equal(read(envelope), undefined);
    }
    assert.equal(answerPartOf({ ...opened(answerFrame(part)), control: false }), undefined);
  });
});
