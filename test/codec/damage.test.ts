/** What one bad bit may do to an envelope on its way through SignalCodec: never change it. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeFrame, type Envelope, encodeEnvelope } from '../../src/codec/envelope.ts';
import { type Bit, SignalCodec } from '../../src/codec/signal-codec.ts';
import { anyEnvelope } from './arbitraries.ts';
import { envelopes } from './vectors.ts';

type Damage = (bits: readonly Bit[], at: number) => Bit[];

const damages: Record<string, Damage> = {
  flipped: (bits, at) => bits.with(at, bits[at] === 0 ? 1 : 0),
  lost: (bits, at) => bits.toSpliced(at, 1),
  duplicated: (bits, at) => bits.toSpliced(at, 0, bits[at] as Bit),
};

const bitsOf = (envelope: Envelope): Bit[] => [
  ...SignalCodec.bits(SignalCodec.encode(encodeEnvelope(envelope))),
];

/**
 * Zeros follow the damaged bits, so that a frame which lost its end gets one. Only the unchanged
 * envelope may come out: the codec cannot know that a bit is missing from the NUL.
 */
function check(envelope: Envelope, damaged: readonly Bit[]): void {
  const codec = new SignalCodec();
  for (const bit of [...damaged, ...new Array<Bit>(16).fill(0)]) {
    const frame = codec.push(bit);
    if (!(frame instanceof Uint8Array)) continue;
    const decoded = decodeFrame(frame);
    assert.notEqual(decoded.kind, 'unsupported');
    if (decoded.kind === 'envelope') assert.deepEqual(decoded.envelope, envelope);
  }
}

for (const [name, damage] of Object.entries(damages)) {
  describe(`an envelope with one bit ${name}`, () => {
    const short = envelopes.filter(({ envelope }) => envelope.body.length < 300);
    for (const vector of short) {
      it(`is not another one: ${vector.name}`, () => {
        const bits = bitsOf(vector.envelope);
        for (let at = 0; at < bits.length; at++) check(vector.envelope, damage(bits, at));
      });
    }

    it('is not another one, for all envelopes', () => {
      const property = fc.property(anyEnvelope, fc.nat(), (envelope, where) => {
        const bits = bitsOf(envelope);
        check(envelope, damage(bits, where % bits.length));
      });
      fc.assert(property, { numRuns: 300 });
    });
  });
}
