import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isReason, Reason } from '../../src/codec/reason.ts';
import { type Bit, bitAt } from '../../src/codec/signal-codec.ts';
import { AWAIT, FINISHED, FrameSender, type Next } from '../../src/link/frame-sender.ts';
import { PAIR } from '../../src/signals/addon.ts';
import { bytes } from '../codec/vectors.ts';
import { bitsOf } from './fakes.ts';

/** Echoes so many bits of a frame as they were sent. */
function echoed(frame: Uint8Array, count: number): FrameSender {
  const sender = new FrameSender(frame);
  for (let n = 0; n < count; n++) sender.onEcho(bitAt(frame, n));
  return sender;
}

const H = bytes(0x68, 0);

describe('FrameSender', () => {
  it("sends the 'h' of protocol.md echo by echo, a 0 before a 1 with it", () => {
    const sender = new FrameSender(H);
    assert.deepEqual([sender.first, sender.sent, sender.total], [0, 0, 16]);
    const steps: [echo: Bit, next: Next, sent: number][] = [
      [0, 0, 1],
      [0, PAIR, 2],
      [0, AWAIT, 3],
      [1, PAIR, 4],
      [0, AWAIT, 5],
      [1, 1, 6],
      [1, 0, 7],
      [0, 0, 8],
      ...[9, 10, 11, 12, 13, 14, 15].map((sent): [Bit, Next, number] => [0, 0, sent]),
      [0, FINISHED, 16],
    ];
    for (const [echo, next, sent] of steps) {
      assert.equal(sender.outcome, undefined);
      assert.equal(sender.awaitsAnswer, sent === 16);
      assert.deepEqual([sender.onEcho(echo), sender.sent], [next, sent]);
    }
    assert.deepEqual(sender.outcome, { kind: 'accepted' });
  });

  it('sends no pair across two bytes: the receiver may refuse the first of it', () => {
    const frame = bytes(0x7f, 0x01, 0);
    assert.equal(echoed(frame, 6).onEcho(1), 0); // the top bit of 0x7f
    assert.equal(echoed(frame, 7).onEcho(0), 1);
  });

  it('begins with a pair where the first two bits are one', () => {
    assert.equal(new FrameSender(bytes(0b10, 0)).first, PAIR);
    assert.equal(new FrameSender(bytes(0b11, 0)).first, 1);
    assert.equal(new FrameSender(bytes(0b100, 0)).first, 0);
  });

  it('asks for the reason when a bit comes back wrong, whichever', () => {
    for (let at = 0; at < H.length * 8; at++) {
      const sender = echoed(H, at);
      const wrong = bitAt(H, at) === 0 ? 1 : 0;
      const nexts = [wrong, 0, 1, 1, 0].map((echo) => sender.onEcho(echo as Bit));
      assert.deepEqual(nexts, [0, 0, 0, 0, FINISHED], `bit ${at}`);
      assert.deepEqual(sender.outcome, { kind: 'refused', reason: Reason.Full });
      assert.equal(sender.sent, at);
    }
  });

  for (let code = 0; code < 16; code++) {
    const kind = isReason(code) ? 'refused' : 'out-of-step';
    it(`takes ${code} for ${kind}`, () => {
      const sender = echoed(H, 15);
      sender.onEcho(1);
      for (let n = 0; n < 4; n++) {
        assert.equal(sender.outcome, undefined);
        sender.onEcho(((code >> n) & 1) as Bit);
      }
      assert.deepEqual(
        sender.outcome,
        kind === 'refused' ? { kind, reason: code as Reason } : { kind },
      );
    });
  }

  it('sends each bit once and has at most two on the way, of which the first is a 0', () => {
    const property = fc.property(fc.uint8Array({ min: 1, minLength: 1, maxLength: 40 }), (body) => {
      const frame = bytes(body, 0);
      const sender = new FrameSender(frame);
      const out = bitsOf(sender.first);
      const way = [...out];
      for (let echo = way.shift(); echo !== undefined; echo = way.shift()) {
        const bits = bitsOf(sender.onEcho(echo));
        out.push(...bits);
        way.push(...bits);
        assert.ok(way.length < 2 || (way.length === 2 && way[0] === 0 && way[1] === 1));
      }
      const all = Array.from({ length: frame.length * 8 }, (_, n) => bitAt(frame, n));
      assert.deepEqual(out, all);
      assert.deepEqual(sender.outcome, { kind: 'accepted' });
    });
    fc.assert(property);
  });
});
