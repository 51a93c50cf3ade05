/** Frames of messages: there and back, and what hostile ones may claim. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { type Entry, encodeBatch } from '../../src/codec/batch.ts';
import { decodeFrame, type Envelope } from '../../src/codec/envelope.ts';
import type { MessageFields } from '../../src/codec/fields.ts';
import { Reason } from '../../src/codec/reason.ts';
import {
  ACCEPTS,
  acceptsOf,
  contentOf,
  messagesFrame,
  messagesOf,
  NOTHING_MORE,
} from '../../src/link/messages.ts';
import { anyBody, anyEnvelope, anyFields } from '../codec/arbitraries.ts';
import { utf8 } from '../codec/vectors.ts';

const MAX = 1000;
/** What lengths and fields of entries may take beside their bodies. */
const ENTRIES = 64 << 10;

function opened(frame: Uint8Array): Envelope {
  assert.equal(frame.at(-1), 0);
  const decoded = decodeFrame(frame.subarray(0, -1));
  assert.ok(decoded.kind === 'envelope');
  return decoded.envelope;
}

/** The messages of a frame, their bodies as the plain bytes that they are. */
function taken(envelope: Envelope): Entry[] {
  const entries = messagesOf(envelope, MAX);
  assert.ok(Array.isArray(entries));
  return entries.map(({ fields, body }) => ({ fields, body: Uint8Array.from(body) }));
}

const plain: Envelope = { seq: 0, control: false, body: utf8('hi'), fields: {} };
const entry = (text: string, fields: MessageFields = {}): Entry => ({ fields, body: utf8(text) });

/** Without what says how a frame is made. */
const ownFields = anyFields.map(({ count: _, unpacked: __, ...own }) => own);
const anyEntry: fc.Arbitrary<Entry> = fc.record(
  { fields: fc.oneof(fc.constant({}), ownFields), body: anyBody },
  { noNullPrototype: true },
);

describe('acceptsOf', () => {
  it('knows what it knows, and nothing else', () => {
    assert.deepEqual(acceptsOf(ACCEPTS), { batch: true, brotli: true, model: true });
    assert.deepEqual(acceptsOf('batch'), { batch: true, brotli: false, model: false });
    assert.deepEqual(acceptsOf('zstd,brotli,x'), { batch: false, brotli: true, model: false });
    for (const said of [undefined, '', 'Batch', 'batch brotli', ',', '*']) {
      assert.deepEqual(acceptsOf(said), NOTHING_MORE, said);
    }
  });
});

describe('contentOf', () => {
  it('says once what messages have in common', () => {
    const fields = { queue: 'q' };
    const common = [entry('a', fields), entry('b', fields)];
    assert.deepEqual(contentOf(common), { fields, entries: [entry('a'), entry('b')] });
    const other = [entry('a', fields), entry('b', { priority: 1 })];
    assert.deepEqual(contentOf(other), { fields: {}, entries: other });
    assert.deepEqual(contentOf([]), { fields: {}, entries: [] });
  });
});

describe('a frame of messages', () => {
  it('arrives as it was sent, packed or not', () => {
    const entries = fc.array(anyEntry, { minLength: 1, maxLength: 10 });
    const property = fc.property(entries, ownFields, fc.boolean(), (entries, fields, brotli) => {
      const frame = messagesFrame(5, { fields, entries }, { brotli });
      const all = entries.map((one) => ({ ...one, fields: { ...fields, ...one.fields } }));
      assert.deepEqual(taken(opened(frame)), all);
      assert.equal(opened(frame).seq, 5);
    });
    fc.assert(property);
  });

  it('is one without a count for one message, and a control frame when it is to be', () => {
    const one = { fields: { queue: 'q' }, entries: [entry('hi', { priority: 2 })] };
    const { fields, body, control } = opened(messagesFrame(0, one, NOTHING_MORE));
    assert.deepEqual([fields, body, control], [{ queue: 'q', priority: 2 }, utf8('hi'), false]);
    assert.equal(opened(messagesFrame(0, one, NOTHING_MORE, { control: true })).control, true);
  });

  it('is packed where that makes it smaller, for who takes that', () => {
    const many = { fields: {}, entries: Array.from({ length: 200 }, (_, n) => entry(`job ${n}`)) };
    const packed = messagesFrame(0, many, { brotli: true });
    assert.ok(packed.length * 3 < messagesFrame(0, many, NOTHING_MORE).length);
    assert.deepEqual(taken(opened(packed)), many.entries);
    const short = { fields: {}, entries: [entry('hi')] };
    assert.equal(opened(messagesFrame(0, short, { brotli: true })).fields.unpacked, undefined);
  });

  it('holds 1 to 256 messages, as many as it says', () => {
    const body = encodeBatch(Array.from({ length: 256 }, () => entry('x')));
    const of = (count: number) => messagesOf({ ...plain, body, fields: { count } }, MAX);
    assert.equal(taken({ ...plain, body, fields: { count: 256 } }).length, 256);
    for (const count of [0, 1, 255, 257, Number.MAX_SAFE_INTEGER]) {
      assert.equal(of(count), Reason.Unsupported, `${count}`);
    }
    assert.equal(taken({ ...plain, body, fields: {} }).length, 1);
  });

  for (const [what, body, fields] of [
    ['an entry with an unknown critical field', Uint8Array.of(1, 2, 0x3f, 0), { count: 1 }],
    ['bytes behind the last entry', Uint8Array.of(0, 0), { count: 1 }],
    ['an entry that is cut', Uint8Array.of(4, 0x68), { count: 1 }],
    ['junk that says it is packed', utf8('junk'), { unpacked: 10 }],
    ['nothing that says it is packed', new Uint8Array(), { unpacked: 0 }],
    ['what is smaller than it says', brotliCompressSync(utf8('x')), { unpacked: 2 }],
    ['what is larger than it says', brotliCompressSync(utf8('xx')), { unpacked: 1 }],
    [
      'half a packed body',
      brotliCompressSync(utf8('x'.repeat(99))).subarray(0, -1),
      { unpacked: 99 },
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.equal(messagesOf({ ...plain, body, fields }, MAX), Reason.Unsupported);
    });
  }

  it('does not unpack what says that it would be too large, nor more than it says', () => {
    const body = brotliCompressSync(Buffer.alloc(1 << 27)); // 128 MiB in 100 bytes
    assert.ok(body.length < 1000);
    const of = (unpacked: number) => messagesOf({ ...plain, body, fields: { unpacked } }, MAX);
    for (const unpacked of [MAX + ENTRIES + 1, 1 << 27, Number.MAX_SAFE_INTEGER]) {
      assert.equal(of(unpacked), Reason.TooLarge);
    }
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().external;
    assert.equal(of(MAX + ENTRIES), Reason.Unsupported);
    const after = process.memoryUsage().arrayBuffers + process.memoryUsage().external;
    assert.ok(after - before < 8 << 20, `it took ${after - before} bytes`);
  });

  it('never throws, whatever it says of itself', () => {
    const body = fc.oneof(
      anyBody,
      anyBody.map((bytes) => brotliCompressSync(bytes)),
    );
    const small = fc.nat({ max: 300 });
    const claims = fc.record({ count: small, unpacked: small }, { requiredKeys: [] });
    const property = fc.property(anyEnvelope, body, claims, (envelope, body, claims) => {
      const fields = { ...envelope.fields, ...claims };
      const entries = messagesOf({ ...envelope, body, fields }, MAX);
      if (!Array.isArray(entries)) return;
      assert.equal(entries.length, fields.count ?? 1);
      assert.ok(entries.every((one) => one.body.length <= MAX + ENTRIES));
    });
    fc.assert(property);
  });
});
