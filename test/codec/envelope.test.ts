import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeFrame, encodeEnvelope } from '../../src/codec/envelope.ts';
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_MAX_MESSAGE_BYTES,
  MAX_FIELDS_BYTES,
} from '../../src/codec/limits.ts';
import { anyBody, anyEnvelope } from './arbitraries.ts';
import { envelopes, hex, noise, oddFrames, utf8 } from './vectors.ts';

const overhead = (body: Uint8Array) =>
  encodeEnvelope({ seq: 0, body, control: false, fields: {} }).length - body.length;

describe('envelope', () => {
  for (const { name, envelope, wire } of envelopes) {
    it(`encodes and decodes ${name}`, () => {
      const frame = encodeEnvelope(envelope);
      if (wire !== undefined) assert.deepEqual(frame, wire);
      assert.deepEqual(decodeFrame(frame), { kind: 'envelope', envelope });
    });
  }

  it('returns every envelope as it was, without a zero on the way', () => {
    const property = fc.property(anyEnvelope, (envelope) => {
      const frame = encodeEnvelope(envelope);
      assert.ok(!frame.includes(0));
      assert.deepEqual(decodeFrame(frame), { kind: 'envelope', envelope });
    });
    fc.assert(property);
  });

  it('adds 7 bytes, 8 to a short body with zeros, one per 254 bytes to a long one', () => {
    const property = fc.property(anyBody, (body) => {
      const growth = body.includes(0) ? Math.ceil(body.length / 254) : 0;
      assert.ok(overhead(body) <= 7 + growth);
      assert.equal(overhead(body.map((byte) => byte || 1)), 7);
      if (body.length <= 254) assert.ok(overhead(body) <= 8);
    });
    fc.assert(property);
    assert.equal(overhead(new Uint8Array(DEFAULT_MAX_MESSAGE_BYTES).fill(255)), 7);
  });

  it('fits into the frame limit with the largest body and all fields', () => {
    const queue = 'q'.repeat(MAX_FIELDS_BYTES - 3);
    for (const fill of [0, 255]) {
      const body = new Uint8Array(DEFAULT_MAX_MESSAGE_BYTES).fill(fill);
      body[body.length - 1] = 0;
      const envelope = { seq: 0, body, control: true, fields: { queue } };
      assert.ok(encodeEnvelope(envelope).length <= DEFAULT_MAX_FRAME_BYTES);
    }
  });

  it('refuses to encode a sequence number of more than 7 bits', () => {
    for (const seq of [-1, 128, 0.5]) {
      const envelope = { seq, body: utf8('a'), control: false, fields: {} };
      assert.throws(() => encodeEnvelope(envelope), { code: 'bad-number' });
    }
  });
});

describe('decodeFrame', () => {
  for (const { name, wire, kind } of oddFrames) {
    it(`finds ${name} ${kind}`, () => assert.equal(decodeFrame(wire).kind, kind));
  }

  it('skips an unknown tag that is not critical', () => {
    const envelope = { seq: 0, body: utf8('h'), control: false, fields: {} };
    assert.deepEqual(decodeFrame(hex('8380dea2f2f68e0302c80268')), { kind: 'envelope', envelope });
  });

  it('finds an envelope damaged that is cut anywhere', () => {
    const frame = encodeEnvelope({
      seq: 1,
      body: noise(300),

      control: false,
      fields: { queue: 'q' },
    });
    for (let length = 1; length < frame.length; length++) {
      assert.deepEqual(decodeFrame(frame.subarray(0, length)), { kind: 'damaged' });
    }
  });

  it('finds an unknown version damaged when the checksum is wrong', () => {
    assert.deepEqual(decodeFrame(hex('9080c3a1e0d58769')), { kind: 'damaged' });
  });

  it('finds a bit beyond the 32 of the checksum damaged', () => {
    for (const spare of [0x10, 0x20, 0x40]) {
      const frame = hex('8080b3e7fab48668');
      frame[6] = (frame[6] as number) | spare;
      assert.deepEqual(decodeFrame(frame), { kind: 'damaged' });
    }
  });

  it('takes any text for a plain body', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out
    const text = fc.string({ unit: 'binary' }).map((s) => s.replace(/[\0-\x1f\x7f]/g, ''));
    const property = fc.property(text, (value) => {
      assert.deepEqual(decodeFrame(utf8(value)), { kind: 'plain', body: utf8(value) });
    });
    fc.assert(property);
  });

  it('takes bytes for a plain body by their first two bits alone', () => {
    for (let first = 1; first < 256; first++) {
      const { kind } = decodeFrame(Uint8Array.of(first, 0x80));
      assert.equal(kind, first >= 0x80 && first < 0xc0 ? 'damaged' : 'plain');
    }
  });

  it('never throws, whatever bytes come', () => {
    const junk = fc.tuple(fc.integer({ min: 0x80, max: 0xbf }), fc.uint8Array({ min: 0x80 }));
    const property = fc.property(junk, ([first, rest]) => {
      assert.equal(decodeFrame(Uint8Array.of(first, ...rest)).kind, 'damaged');
    });
    fc.assert(property);
  });
});
