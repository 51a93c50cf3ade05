import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeFrame } from '../../src/codec/envelope.ts';
import { SignalCodec } from '../../src/codec/signal-codec.ts';
import { Arrival } from '../../src/link/arrival.ts';
import { FrameReceiver } from '../../src/link/frame-receiver.ts';
import type { EchoSender } from '../../src/link/inbound.ts';
import { messagesFrame, messagesOf } from '../../src/link/messages.ts';
import { Packer, Unpacker } from '../../src/link/model.ts';
import { loadAddon } from '../../src/signals/addon.ts';

const skip = loadAddon().addon ? false : 'no addon';
const ACCEPTS = { batch: true, brotli: true, model: true };
const bodiesOf = (from: number) =>
  Array.from(
    { length: 40 },
    (_, n) => `{"id":${from + n},"price":${((from + n) ** 5 * 7919) % 1000_003}}`,
  );

/** A receiver of frames from a sender, and what is fed to its unpacker before a frame is whole. */
function given(pid = 5) {
  const receiver = new FrameReceiver(100_000);
  const sender = { kind: 'echo', pid, start: 1, receiver } as unknown as EchoSender;
  const packer = new Packer();
  const unpacker = new Unpacker();
  let fed = 0;
  const feed = unpacker.feed.bind(unpacker);
  unpacker.feed = (bytes) => {
    fed += bytes.length;
    feed(bytes);
  };
  const frame = (from: number, accepts = ACCEPTS) => {
    const entries = bodiesOf(from).map((body) => ({ fields: {}, body: Buffer.from(body) }));
    return messagesFrame(1, { fields: {}, entries }, accepts, accepts.model ? { packer } : {});
  };
  /** Bit by bit, with a look every so many. */
  const arrive = (arrival: Arrival, bytes: Uint8Array, every: number) => {
    for (const [n, bit] of [...SignalCodec.bits(bytes)].entries()) {
      receiver.onBit(bit);
      if (n % every === 0) arrival.goesOn(sender);
    }
  };
  const unpacked = (bytes: Uint8Array) => {
    const decoded = decodeFrame(bytes.subarray(0, -1));
    assert.ok(decoded.kind === 'envelope');
    const entries = messagesOf(decoded.envelope, 1 << 20, unpacker);
    return Array.isArray(entries) ? entries.map(({ body }) => String(Buffer.from(body))) : entries;
  };
  return { sender, receiver, packer, unpacker, frame, arrive, unpacked, fed: () => fed };
}

describe('Arrival', { skip }, () => {
  for (const every of [8, 13, 200, 100_000]) {
    it(`unpacks frame after frame as they come, looked at every ${every} bits`, () => {
      const { unpacker, receiver, frame, arrive, unpacked, fed } = given();
      const arrival = new Arrival(() => unpacker);
      for (let n = 0; n < 5; n++) {
        const bytes = frame(40 * n);
        const before = fed();
        arrive(arrival, bytes, every);
        arrival.ended();
        receiver.answer(0);
        if (every <= 13) assert.ok(fed() - before > bytes.length - 25, `${fed()} of it`);
        if (every === 100_000) assert.equal(fed(), 0);
        assert.deepEqual(unpacked(bytes), bodiesOf(40 * n));
      }
    });
  }

  it('leaves short frames, what no model has packed, and whom it knows nothing of, alone', () => {
    const { unpacker, receiver, frame, arrive, fed } = given();
    const nobody = new Arrival(() => undefined);
    arrive(nobody, frame(0), 8);
    nobody.ended();
    receiver.answer(0);
    const arrival = new Arrival(() => unpacker);
    for (const bytes of [frame(0, { ...ACCEPTS, model: false }), Buffer.from('short\0')]) {
      arrive(arrival, bytes, 8);
      arrival.ended();
      receiver.answer(0);
    }
    assert.equal(fed(), 0);
  });

  it('is right, or has both begin anew, after a frame that was cut off, wherever it was', () => {
    for (let cut = 70; cut < 400; cut += 30) {
      const { unpacker, receiver, packer, frame, arrive, unpacked } = given();
      const arrival = new Arrival(() => unpacker);
      const pass = (from: number) => {
        const bytes = frame(from);
        arrive(arrival, bytes, 8);
        arrival.ended();
        receiver.answer(0);
        return unpacked(bytes);
      };
      pass(0);
      arrive(arrival, frame(40).subarray(0, cut), 8);
      receiver.reset();
      const said = pass(80);
      if (Array.isArray(said)) assert.deepEqual(said, bodiesOf(80));
      packer.reset();
      for (const from of [120, 160]) assert.deepEqual(pass(from), bodiesOf(from), `cut at ${cut}`);
    }
  });

  it('tells senders apart', () => {
    const [one, other] = [given(5), given(6)];
    const arrival = new Arrival(({ pid }) => (pid === 5 ? one : other).unpacker);
    const bytes = [one.frame(0), other.frame(40)] as const;
    for (let at = 0; at < 150; at++) {
      for (const [n, each] of [one, other].entries()) {
        each.arrive(arrival, (bytes[n] as Uint8Array).subarray(at, at + 1), 8);
      }
    }
    assert.ok(one.fed() > 0);
    for (const [n, each] of [one, other].entries()) {
      const said = each.unpacked(bytes[n] as Uint8Array);
      if (Array.isArray(said)) assert.deepEqual(said, bodiesOf(40 * n));
    }
  });
});
