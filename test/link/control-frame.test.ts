/** Settlements, requests and replies: there and back, and what is none of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeFrame, type Envelope } from '../../src/codec/envelope.ts';
import { NOTHING_MORE } from '../../src/link/messages.ts';
import { type Note, replyFrame, replyOf, requestFrame, requestOf } from '../../src/link/request.ts';
import {
  MAX_SETTLEMENTS,
  settlementsFrame,
  settlementsOf,
  Verb,
} from '../../src/link/settlement.ts';
import { anyEnvelope } from '../codec/arbitraries.ts';
import { utf8 } from '../codec/vectors.ts';

function opened(frame: Uint8Array): Envelope {
  assert.equal(frame.at(-1), 0);
  const decoded = decodeFrame(frame.subarray(0, -1));
  assert.ok(decoded.kind === 'envelope');
  assert.equal(decoded.envelope.control, true);
  return decoded.envelope;
}

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const verb = fc.constantFrom(...Object.values(Verb));
const incarnation = fc.option(number, { nil: undefined });
const noNullPrototype = { noNullPrototype: true };
const settle = { id: number, delivery: number, incarnation };
const exitCode = fc.nat({ max: 255 });
const reply = fc.uint8Array({ maxLength: 300 });
const anySettle = fc.oneof(
  fc.record({ ...settle, verb }, noNullPrototype),
  fc.record({ ...settle, verb: fc.constant(Verb.Done), exitCode, reply }, noNullPrototype),
  fc.record({ ...settle, verb: fc.constant(Verb.Failed), exitCode }, noNullPrototype),
  fc.record({ ...settle, verb, reason: fc.constantFrom('boom', 'größer') }, noNullPrototype),
);
const BATCHES = { batch: true, brotli: false, model: false };
const plain: Envelope = { seq: 0, control: true, body: utf8('d'), fields: {} };

describe('a settlement', () => {
  it('arrives as it was sent, and is neither request nor reply', () => {
    const property = fc.property(anySettle, (settle) => {
      const envelope = opened(settlementsFrame([settle], NOTHING_MORE));
      assert.deepEqual(settlementsOf(envelope, 300), [settle]);
      assert.equal(requestOf(envelope), undefined);
      assert.equal(replyOf(envelope), undefined);
    });
    fc.assert(property);
  });

  it('arrives with others as they were sent, packed or not', () => {
    const some = fc.array(anySettle, { minLength: 1, maxLength: MAX_SETTLEMENTS });
    const property = fc.property(some, fc.boolean(), (some, brotli) => {
      const envelope = opened(settlementsFrame(some, { batch: true, brotli, model: false }));
      assert.deepEqual(settlementsOf(envelope, 256 * 300), some);
      assert.equal(requestOf(envelope), undefined);
      assert.equal(replyOf(envelope), undefined);
    });
    fc.assert(property);
  });

  it('is none among others when one of them is none', () => {
    const settle = { id: 7, delivery: 1, incarnation: undefined, verb: Verb.Done };
    const envelope = opened(settlementsFrame([settle, settle], BATCHES));
    assert.deepEqual(settlementsOf(envelope), [settle, settle]);
    for (const [at, byte] of [
      [envelope.body.length - 1, 0x71], // a verb that nobody knows
      [1, 0], // no fields: hence no message
    ] as const) {
      const body = Uint8Array.from(envelope.body);
      body[at] = byte;
      assert.equal(settlementsOf({ ...envelope, body }), undefined);
    }
  });

  it('comes with 255 others at most', () => {
    const settle = { id: 7, delivery: 1, incarnation: undefined, verb: Verb.Done };
    const all = (count: number) => Array.from({ length: count }, () => settle);
    const said = (count: number) => settlementsOf(opened(settlementsFrame(all(count), BATCHES)));
    assert.equal(said(256)?.length, 256);
    assert.equal(said(257), undefined);
    const { body } = opened(settlementsFrame(all(2), BATCHES));
    for (const count of [0, 1, 3, 257]) {
      assert.equal(settlementsOf({ ...plain, body, fields: { count } }), undefined, `${count}`);
    }
  });

  it('carries a reply only with `done`, and an exit code that there is', () => {
    const fields = { ref: 1, exit: 3 };
    const of = (body: string, more = {}) =>
      settlementsOf({ ...plain, body: utf8(body), fields: { ...fields, ...more } });
    assert.deepEqual(of('dd')?.[0]?.reply, utf8('d'));
    assert.deepEqual(of('d')?.[0]?.reply, utf8(''));
    assert.equal(of('x')?.[0]?.exitCode, 3);
    for (const wrong of [of('xx'), of('ff'), of('d', { exit: 256 }), of('q'), of('')])
      assert.equal(wrong, undefined);
  });

  it('takes no byte for the first delivery, in the incarnation of the moment', () => {
    const first = { delivery: 1, incarnation: undefined };
    const { length } = settlementsFrame([{ id: 7, ...first, verb: Verb.Done }], NOTHING_MORE);
    assert.equal(length, 13); // header 7, length of the fields 1, ref 3, body 1, zero byte 1
  });

  it('is one known letter and a message', () => {
    for (const body of ['', 'dd', 'q', 'D']) {
      const envelope = { ...plain, body: utf8(body), fields: { ref: 1 } };
      assert.equal(settlementsOf(envelope), undefined, JSON.stringify(body));
    }
    assert.equal(settlementsOf(plain), undefined);
  });
});

for (const [name, frameOf, noteOf, otherOf] of [
  ['request', requestFrame, requestOf, replyOf],
  ['reply', replyFrame, replyOf, requestOf],
] as const) {
  describe(`a ${name}`, () => {
    it('arrives as it was sent, and as nothing else', () => {
      // JSON has one zero.
      const content = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));
      const property = fc.property(number, content, (number, content) => {
        const envelope = opened(frameOf({ number, content }));
        assert.deepEqual(noteOf(envelope), { number, content } satisfies Note);
        assert.equal(otherOf(envelope), undefined);
      });
      fc.assert(property);
    });

    it('is JSON in a control frame with a number', () => {
      const envelope = opened(frameOf({ number: 1, content: null }));
      assert.deepEqual(noteOf(envelope), { number: 1, content: null });
      assert.equal(noteOf({ ...envelope, control: false }), undefined);
      assert.equal(noteOf({ ...envelope, fields: {} }), undefined);
      assert.equal(noteOf({ ...envelope, body: utf8('{') }), undefined);
    });
  });
}

it('no envelope makes any of them throw', () => {
  const property = fc.property(anyEnvelope, (envelope) => {
    for (const read of [settlementsOf, requestOf, replyOf]) read(envelope);
  });
  fc.assert(property);
});
