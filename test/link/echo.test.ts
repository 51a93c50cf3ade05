/** What holds for a sender and a receiver together, over a wire that does what it likes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Reason } from '../../src/codec/reason.ts';
import type { Bit } from '../../src/codec/signal-codec.ts';
import { type EchoMachine, FrameSender } from '../../src/link/frame-sender.ts';
import { Synchroniser } from '../../src/link/synchroniser.ts';
import { anyBit } from '../codec/arbitraries.ts';
import { byChecksum, Driver, frameOf, type Judge, Peer } from './fakes.ts';

/** What arrives of a bit. */
type Wire = (bit: Bit) => readonly Bit[];
const whole: Wire = (bit) => [bit];

/** Runs a machine until it ends or its echoes stay away, which is when a driver gives it up. */
function run(machine: EchoMachine, peer: Peer, there: Wire = whole, back: Wire = whole): void {
  const echoes: Bit[] = [];
  const driver = new Driver(machine, (sent) => {
    for (const bit of there(sent)) {
      const echo = peer.take(bit);
      if (echo !== undefined) echoes.push(...back(echo));
    }
  });
  driver.begin();
  for (let echo = echoes.shift(); echo !== undefined; echo = echoes.shift()) driver.onEcho(echo);
}

/** A wire that does something else to a few of the first 100 bits; a frame here has 64 to 450. */
const faulty = (...kinds: Wire[]): fc.Arbitrary<() => Wire> =>
  fc.array(fc.tuple(fc.nat(100), fc.constantFrom(...kinds)), { maxLength: 3 }).map((faults) => {
    const kindOf = new Map(faults);
    return () => {
      let at = 0;
      return (bit) => (kindOf.get(at++) ?? whole)(bit);
    };
  });
const drop: Wire = () => [];
const twice: Wire = (bit) => [bit, bit];
const flip: Wire = (bit) => [bit === 0 ? 1 : 0];

const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });

/** Nobody who is out of step may believe that its frame was taken. */
function assertHonest(sender: FrameSender, peer: Peer, frame: Uint8Array): void {
  if (sender.outcome?.kind !== 'accepted') return;
  assert.deepEqual(peer.accepted, [frame.subarray(0, -1)]);
}

/** As Outbound does; the rounds that it took. */
function synchronise(peer: Peer): number {
  for (let round = 1; round <= 5; round++) {
    const synchroniser = new Synchroniser();
    run(synchroniser, peer);
    if (synchroniser.inStep) return round;
  }
  return assert.fail('no common start of a frame');
}

describe('a frame under echo', () => {
  it('arrives over a wire that loses nothing, and the answer with its reason comes back', () => {
    const anyVerdict = fc.constantFrom(0 as const, ...Object.values(Reason));
    const property = fc.property(fc.array(fc.tuple(anyText, anyVerdict)), (messages) => {
      let verdict: 0 | Reason = 0;
      const peer = new Peer(() => verdict);
      for (const [text, wanted] of messages) {
        verdict = wanted;
        const sender = new FrameSender(frameOf(text));
        run(sender, peer);
        assert.deepEqual(
          sender.outcome,
          verdict === 0 ? { kind: 'accepted' } : { kind: 'refused', reason: verdict },
        );
      }
      const taken = messages.filter(([, wanted]) => wanted === 0).map(([text]) => frameOf(text));
      assert.deepEqual(
        peer.accepted,
        taken.map((frame) => frame.subarray(0, -1)),
      );
    });
    fc.assert(property);
  });

  it('is accepted as it was sent or not at all, when bits are lost, doubled and turned', () => {
    const property = fc.property(anyText, faulty(drop, twice, flip), (text, wire) => {
      const frame = frameOf(text);
      const peer = new Peer();
      const sender = new FrameSender(frame);
      run(sender, peer, wire());
      assertHonest(sender, peer, frame);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('is accepted as it was sent or not at all, when bits and echoes are lost', () => {
    const property = fc.property(anyText, faulty(drop), faulty(drop), (text, there, back) => {
      const frame = frameOf(text);
      const peer = new Peer();
      const sender = new FrameSender(frame);
      run(sender, peer, there(), back());
      assertHonest(sender, peer, frame);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('passes once sender and receiver are synchronised, whatever was before', () => {
    const anyStart = fc.array(anyBit, { maxLength: 300 });
    const verdicts = fc.infiniteStream(fc.constantFrom(0 as const, ...Object.values(Reason)));
    const property = fc.property(anyStart, verdicts, anyText, (bits, verdict, text) => {
      let judge: Judge = () => verdict.next().value;
      const peer = new Peer((frame) => judge(frame), 60);
      for (const bit of bits) peer.take(bit);
      assert.ok(synchronise(peer) <= 3);
      judge = byChecksum;
      const sender = new FrameSender(frameOf(text));
      run(sender, peer);
      assert.deepEqual(sender.outcome, { kind: 'accepted' });
      assert.deepEqual(peer.accepted.at(-1), frameOf(text).subarray(0, -1));
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('passes after one that was broken off, at whichever bit', () => {
    const frame = frameOf('broken off');
    for (let cut = 1; cut < frame.length * 8; cut++) {
      const peer = new Peer();
      let sent = 0;
      run(new FrameSender(frame), peer, (bit) => (sent++ < cut ? [bit] : []));
      synchronise(peer);
      const sender = new FrameSender(frameOf('next'));
      run(sender, peer);
      assert.equal(sender.outcome?.kind, 'accepted', `cut at ${cut}`);
      // Zeros end a frame that lacked nothing but zeros: what is taken of it is all of it.
      const whole = [frame, frameOf('next')].map((bytes) => bytes.subarray(0, -1));
      assert.deepEqual(peer.accepted, whole.slice(-peer.accepted.length));
    }
  });
});
