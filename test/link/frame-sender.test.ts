import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isReason, Reason } from '../../src/codec/reason.ts';
import { type Bit, bitAt, SignalCodec } from '../../src/codec/signal-codec.ts';
import { AWAIT, FINISHED, FrameSender } from '../../src/link/frame-sender.ts';
import { BLOCK_BYTES } from '../../src/signals/memory.ts';
import { bytes } from '../codec/vectors.ts';
import { Driver, shown } from './fakes.ts';

/** Echoes so many bits of a frame as they were sent. */
function echoed(frame: Uint8Array, count: number): FrameSender {
  const sender = new FrameSender(frame);
  for (let n = 0; n < count; n++) sender.onEcho(bitAt(frame, n));
  return sender;
}

const H = bytes(0x68, 0);

describe('FrameSender', () => {
  it("sends the 'h' of protocol.md echo by echo", () => {
    const sender = new FrameSender(H);
    assert.equal(shown(sender.first), '0001011000000000');
    assert.deepEqual([sender.sent, sender.total], [0, 16]);
    for (const [at, echo] of [...SignalCodec.bits(H)].entries()) {
      assert.equal(sender.outcome, undefined);
      assert.equal(sender.awaitsAnswer, at === 15);
      assert.deepEqual([sender.onEcho(echo), sender.sent], [at < 15 ? AWAIT : FINISHED, at + 1]);
    }
    assert.deepEqual(sender.outcome, { kind: 'accepted' });
  });

  it('may arrive as soon as only zeros are left, which others send as well', () => {
    // The last 1 of it is bit 6; it goes together with the 0 before it.
    const frame = bytes(0xff, 0x68, 0);
    for (let sent = 0; sent < frame.length * 8; sent++) {
      const sender = new FrameSender(frame);
      for (const [at, echo] of [...SignalCodec.bits(frame)].entries())
        if (at < sent) sender.onEcho(echo);
      const left = [...SignalCodec.bits(frame)].slice(sent + 2);
      assert.equal(sender.mayArrive, !left.includes(1), `after ${sent} bits`);
    }
    assert.equal(echoed(H, 4).mayArrive, false);
    assert.equal(echoed(H, 5).mayArrive, true);
  });

  it('takes echoes in the middle of a run together', () => {
    const sender = new FrameSender(H);
    sender.onEchoes(15);
    assert.deepEqual([sender.sent, sender.awaitsAnswer], [15, true]);
    assert.equal(sender.onEcho(0), FINISHED);
    assert.deepEqual(sender.outcome, { kind: 'accepted' });
  });

  it('sends so many bytes at once as the addon takes', () => {
    const frame = bytes(new Uint8Array(BLOCK_BYTES * 2).fill(0xff), 0x68, 0);
    const sender = new FrameSender(frame);
    const ones = '1'.repeat(BLOCK_BYTES * 8);
    assert.equal(shown(sender.first), ones);
    sender.onEchoes(BLOCK_BYTES * 8 - 1);
    assert.equal(shown(sender.onEcho(1)), ones);
    sender.onEchoes(BLOCK_BYTES * 8 - 1);
    assert.equal(shown(sender.onEcho(1)), shown(new FrameSender(H).first));
  });

  it('asks for the reason when a bit comes back wrong, whichever', () => {
    for (let at = 0; at < H.length * 8; at++) {
      const sender = echoed(H, at);
      const wrong = bitAt(H, at) === 0 ? 1 : 0;
      const nexts = [wrong, 0, 1, 1, 0].map((echo) => sender.onEcho(echo as Bit));
      assert.deepEqual(nexts.map(shown), ['0', '0', '0', '0', FINISHED], `bit ${at}`);
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

  it('sends each bit once', () => {
    const property = fc.property(
      fc.uint8Array({ min: 1, minLength: 1, maxLength: 200 }),
      (body) => {
        const frame = bytes(body, 0);
        const sender = new FrameSender(frame);
        const out: Bit[] = [];
        const way: Bit[] = [];
        const driver = new Driver(sender, (bit) => {
          out.push(bit);
          way.push(bit);
        });
        driver.begin();
        for (let echo = way.shift(); echo !== undefined; echo = way.shift()) {
          assert.equal(way.length, 0);
          driver.onEcho(echo);
        }
        assert.deepEqual(out, [...SignalCodec.bits(frame)]);
        assert.deepEqual(sender.outcome, { kind: 'accepted' });
      },
    );
    fc.assert(property);
  });
});
