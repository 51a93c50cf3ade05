import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeFrame, encodeEnvelope } from '../../src/codec/envelope.ts';
import { EnvelopeReader } from '../../src/codec/envelope-reader.ts';
import { anyBody, anyEnvelope } from './arbitraries.ts';
import { hex, oddFrames, utf8 } from './vectors.ts';

/** Reads a frame in parts of these sizes, round and round. */
function read(frame: Uint8Array, sizes: readonly number[]) {
  const reader = new EnvelopeReader();
  const body: number[] = [];
  for (let at = 0, n = 0; at < frame.length; n++) {
    const end = at + (sizes[n % sizes.length] as number);
    body.push(...reader.take(frame.subarray(at, end)));
    at = end;
  }
  return { fields: reader.fields, body };
}
const anySizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });

describe('EnvelopeReader', () => {
  it('reads what decodeFrame reads of messages with fields, in whatever parts', () => {
    const property = fc.property(anyEnvelope, anySizes, (envelope, sizes) => {
      const frame = encodeEnvelope(envelope);
      const { fields, body } = read(frame, sizes);
      if (fields === undefined) assert.deepEqual(body, []);
      else assert.deepEqual([fields, body], [envelope.fields, [...envelope.body]]);
    });
    fc.assert(property);
    const fields = { packed: 64 * 700 + 5, count: 9 };
    const packed = fc.property(anyBody, anySizes, fc.nat(127), (body, sizes, seq) => {
      const frame = encodeEnvelope({ seq, control: false, body, fields });
      assert.deepEqual(read(frame, sizes), { fields, body: [...body] });
    });
    fc.assert(packed);
  });

  it('leaves what has no fields, is control, is no envelope, or says too much before its body', () => {
    const none = { fields: undefined, body: [] };
    const body = utf8('hello');
    for (const frame of [
      encodeEnvelope({ seq: 1, control: false, body, fields: {} }),
      encodeEnvelope({ seq: 1, control: true, body, fields: { packed: 64 } }),
      encodeEnvelope({ seq: 1, control: false, body, fields: { queue: 'q'.repeat(1000) } }),
      utf8('what a plain peer sends'),
    ]) {
      assert.deepEqual(read(frame, [3]), none);
    }
  });

  it('never throws on junk', () => {
    for (const { wire } of oddFrames) read(wire, [1]);
    const property = fc.property(anyBody, anySizes, (junk, sizes) => {
      for (const start of ['81', '83', '8b']) {
        const frame = Buffer.concat([hex(start), junk]);
        const { fields } = read(frame, sizes);
        if (decodeFrame(frame).kind === 'plain') assert.equal(fields, undefined);
      }
    });
    fc.assert(property);
  });
});
