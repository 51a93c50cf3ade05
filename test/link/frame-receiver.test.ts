import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Reason } from '../../src/codec/reason.ts';
import { type Bit, SignalCodec } from '../../src/codec/signal-codec.ts';
import { FrameReceiver, JUDGE, type Reply, SILENT } from '../../src/link/frame-receiver.ts';
import { anyBit } from '../codec/arbitraries.ts';
import { bytes } from '../codec/vectors.ts';

const MAX = 3;
const H = bytes(0x68);
const zeros = (count: number) => Array<Bit>(count).fill(0);

/** What is to be seen of a receiver. */
function stateOf(receiver: FrameReceiver): string {
  const { idle, judging, refusing, frame } = receiver;
  const states = Object.entries({ idle, judging, refusing }).filter(([, on]) => on);
  assert.ok(states.length < 2, 'states exclude each other');
  assert.equal(frame !== undefined, judging);
  return states[0]?.[0] ?? 'receiving';
}

/** Feeds bits, and compares the reply and the state after each. */
function expect(receiver: FrameReceiver, steps: readonly (readonly [Bit, Reply, string])[]): void {
  for (const [n, [bit, reply, state]] of steps.entries()) {
    assert.deepEqual([receiver.onBit(bit), stateOf(receiver)], [reply, state], `bit ${n}`);
  }
}

function push(receiver: FrameReceiver, ...values: number[]): Reply[] {
  return [...SignalCodec.bits(bytes(...values))].map((bit) => receiver.onBit(bit));
}

/** One that has the frame of H and waits for the verdict. */
function judging(): FrameReceiver {
  const receiver = new FrameReceiver(MAX);
  push(receiver, 0x68, 0);
  return receiver;
}

/** Reads out all of a reason. */
const readReason = (receiver: FrameReceiver) =>
  zeros(4).reduce<number>((code, bit, n) => code | (receiver.onBit(bit) << n), 0);

describe('FrameReceiver', () => {
  it('echoes each bit of a frame, and has it judged before the last echo', () => {
    const receiver = new FrameReceiver(MAX);
    assert.equal(stateOf(receiver), 'idle');
    const bits = [...SignalCodec.bits(bytes(0x68, 0))];
    expect(
      receiver,
      bits.map((bit, n) => (n < 15 ? [bit, bit, 'receiving'] : [bit, JUDGE, 'judging'])),
    );
    assert.deepEqual(receiver.frame, H);
    assert.equal(receiver.answer(0), 0);
    assert.equal(stateOf(receiver), 'idle');
  });

  it('has room for bytes in the middle of a frame only, up to the limit', () => {
    const receiver = new FrameReceiver(MAX);
    assert.equal(receiver.room, 0);
    expect(receiver, [[0, 0, 'receiving']]);
    assert.deepEqual([receiver.room, receiver.partial], [MAX, { byte: 0, bits: 1 }]);
    receiver.absorb(H, 0b10, 2);
    assert.deepEqual([receiver.room, receiver.partial], [MAX - 1, { byte: 0b10, bits: 2 }]);
    assert.equal(stateOf(receiver), 'receiving');
    receiver.absorb(bytes(2, 3), 0, 7);
    assert.equal(receiver.room, 0);
    assert.equal(receiver.onBit(0), JUDGE);
    assert.deepEqual([receiver.room, receiver.frame], [0, bytes(0x68, 2, 3)]);
    receiver.answer(Reason.Full);
    assert.equal(receiver.room, 0);
  });

  for (const [name, reason] of Object.entries(Reason)) {
    it(`refuses as ${name}, gives the reason bit by bit, and takes the next frame`, () => {
      const receiver = judging();
      assert.equal(receiver.answer(reason), 1);
      assert.equal(stateOf(receiver), 'refusing');
      expect(
        receiver,
        zeros(4).map((bit, n) => [
          bit,
          ((reason >> n) & 1) as Bit,
          n < 3 ? 'refusing' : 'idle', // four bits, and no fifth
        ]),
      );
      assert.deepEqual(push(receiver, 0x68, 0).at(-1), JUDGE);
    });
  }

  it('refuses the empty frame at its eighth bit', () => {
    const receiver = new FrameReceiver(MAX);
    expect(receiver, [
      ...zeros(7).map((bit) => [bit, 0, 'receiving'] as const),
      [0, 1, 'refusing'],
    ]);
    assert.equal(readReason(receiver), Reason.Empty);
  });

  it('refuses a frame that is too long at the last bit of the byte over the limit', () => {
    for (const [over, refusal] of [
      [0xff, 0],
      [0x7f, 1],
    ] as const) {
      const receiver = new FrameReceiver(MAX);
      const replies = push(receiver, 1, 2, 3, over);
      assert.deepEqual(replies, [...SignalCodec.bits(bytes(1, 2, 3, over))].with(31, refusal));
      assert.equal(stateOf(receiver), 'refusing');
      assert.equal(readReason(receiver), Reason.TooLarge);
      // The rest of that frame is not skipped: who was refused stops.
      assert.equal(push(receiver, 0x68, 0).at(-1), JUDGE);
      assert.deepEqual(receiver.frame, H);
    }
  });

  it('forgets a reason that nobody asks for when a frame starts with a 1', () => {
    for (let asked = 0; asked < 4; asked++) {
      const receiver = judging();
      receiver.answer(Reason.Full);
      for (const bit of zeros(asked)) receiver.onBit(bit);
      expect(receiver, [[1, 1, 'receiving']]);
      receiver.reset();
      assert.equal(stateOf(receiver), 'idle');
    }
  });

  it('says nothing to who gives up waiting for the verdict, and forgets that frame', () => {
    for (const bit of [0, 1] as const) {
      const receiver = judging();
      expect(receiver, [[bit, SILENT, 'idle']]);
      assert.equal(push(receiver, 0x68, 0).at(-1), JUDGE);
    }
  });

  it('starts afresh after reset, whatever it was at', () => {
    const refusing = judging();
    refusing.answer(Reason.Damaged);
    const receiving = new FrameReceiver(MAX);
    receiving.onBit(1);
    for (const receiver of [judging(), refusing, receiving]) {
      receiver.reset();
      assert.equal(stateOf(receiver), 'idle');
      assert.equal(push(receiver, 0x68, 0).at(-1), JUDGE);
      assert.deepEqual(receiver.frame, H);
    }
  });

  it('never throws, and its states exclude each other, whatever comes', () => {
    const verdicts = fc.infiniteStream(fc.constantFrom(0 as const, ...Object.values(Reason)));
    const property = fc.property(
      fc.array(anyBit, { maxLength: 500 }),
      verdicts,
      (bits, verdict) => {
        const receiver = new FrameReceiver(MAX);
        for (const bit of bits) {
          if (receiver.onBit(bit) === JUDGE) {
            assert.ok((receiver.frame as Uint8Array).length <= MAX);
            receiver.answer(verdict.next().value);
          }
          stateOf(receiver);
        }
      },
    );
    fc.assert(property);
  });
});
