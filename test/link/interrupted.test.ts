/** Frames in which somebody stood still: what model/echo.pml found, on the machines and their drivers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Reason } from '../../src/codec/reason.ts';
import { type Bit, bitAt, SignalCodec } from '../../src/codec/signal-codec.ts';
import { Bus } from '../../src/link/bus.ts';
import { FrameReceiver, JUDGE, SILENT } from '../../src/link/frame-receiver.ts';
import { FRAME_TIMEOUT_MS, Inbound } from '../../src/link/inbound.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeAddon } from './fakes.ts';
import { LEASE, sendingWith } from './sending.ts';

const PEER = 4242;
const FRAME = SignalCodec.encode(Uint8Array.of(0x80, 0x81, 0x68));
const MAX_BYTES = 100;
const NO_DESCRIPTORS = { pidfd: () => -1, signal: () => 0 };
const NO_WIRE = { takeEchoed: () => 0 };

const inboundOf = (...processes: Parameters<typeof fakeTable>) =>
  new Inbound(fakeTable({ pid: PEER }, ...processes), NO_DESCRIPTORS, MAX_BYTES, NO_WIRE);

function echoReceiver(inbound: Inbound, now: number): FrameReceiver {
  const sender = inbound.sender(PEER, now);
  assert.equal(sender.kind, 'echo');
  return (sender as { receiver: FrameReceiver }).receiver;
}

describe('a decoder', () => {
  it('takes a bit that waited while its process stood still for the next of the frame', () => {
    const inbound = inboundOf();
    const last = FRAME.length * 8 - 1;
    for (let i = 0; i < last; i++) echoReceiver(inbound, 0).onBit(bitAt(FRAME, i));
    assert.equal(echoReceiver(inbound, 10 * FRAME_TIMEOUT_MS).onBit(0), JUDGE);
  });

  it('forgets half a frame when its sender is silent between two sweeps', () => {
    const inbound = inboundOf();
    echoReceiver(inbound, 0).onBit(1);
    assert.equal(inbound.sweep(), true);
    assert.equal(inbound.sweep(), false);
    assert.equal(inbound.moving, false);
  });

  it('keeps it when there was a bit in between', () => {
    const inbound = inboundOf();
    echoReceiver(inbound, 0).onBit(1);
    inbound.sweep();
    echoReceiver(inbound, 1).onBit(1);
    assert.equal(inbound.sweep(), true);
    assert.equal(inbound.moving, true);
  });

  it('forgets a reason that nobody asks for, and none of which a part was read', () => {
    for (const asked of [0, 1, 3]) {
      const inbound = inboundOf();
      for (let i = 0; i < 8; i++) echoReceiver(inbound, 0).onBit(0);
      for (let i = 0; i < asked; i++) assert.equal(echoReceiver(inbound, 0).onBit(0), 1);
      assert.equal(echoReceiver(inbound, 150).refusing, asked > 0);
    }
  });

  it('goes before one in the middle of a frame when there are too many', () => {
    const pids = Array.from({ length: 300 }, (_, n) => ({ pid: 5000 + n }));
    const inbound = inboundOf(...pids);
    echoReceiver(inbound, 0).onBit(1);
    for (const { pid } of pids) inbound.sender(pid, 1);
    assert.equal(echoReceiver(inbound, 2).idle, false);
  });
});

describe('a lease', () => {
  it('counts the pauses of its process, and keeps what the addon knows of them', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sigmq-lease-'));
    let now = 1000;
    let cleared = 0;
    const port = Object.assign(new FakeAddon(), {
      monotonic: () => now,
      clearGap: () => void cleared++,
    });
    const bus = new Bus(dir, port, fakeTable());
    const lease = await bus.take();
    try {
      now += 400;
      assert.equal(lease.check(), true);
      assert.equal(lease.pauses, 0);
      assert.equal(cleared, 2);
      now += 600;
      assert.equal(lease.check(), true);
      assert.equal(lease.pauses, 1);
      assert.equal(cleared, 2);
    } finally {
      lease.release();
      bus.close();
      rmSync(dir, { recursive: true });
    }
  });
});

/** A sender and the receiver at its other end. */
class Pair {
  readonly receiver = new FrameReceiver(MAX_BYTES);
  readonly frames: Uint8Array[] = [];
  /** Echoes that the peer has not sent yet: they go out before the next. */
  readonly late: Bit[] = [];
  isSlow = false;
  readonly addon = new FakeAddon();
  readonly sending = sendingWith(this.addon, fakeTable({ pid: PEER }));

  constructor() {
    this.addon.peers.set(PEER, (bit) => this.#echo(bit));
  }

  send() {
    return this.sending.transmitter.send(LEASE, { pid: PEER, start: 500 }, FRAME, {});
  }

  #echo(bit: Bit): Bit | undefined {
    let reply = this.receiver.onBit(bit);
    if (reply === JUDGE) {
      const frame = this.receiver.frame as Uint8Array;
      const isGood = frame[0] === FRAME[0];
      if (isGood) this.frames.push(frame);
      reply = this.receiver.answer(isGood ? 0 : Reason.Damaged);
    }
    if (reply === SILENT) return undefined;
    if (this.isSlow) {
      this.late.push(reply);
      return undefined;
    }
    this.addon.events.push(...this.late.splice(0).map((echo) => PEER * 2 + echo));
    return reply;
  }
}

describe('a sender that gave a frame up', () => {
  it('is not deceived by an echo that comes when it has begun to synchronise', async () => {
    const pair = new Pair();
    pair.isSlow = true;
    const first = pair.send();
    const failed = assert.rejects(first, /gave up/);
    pair.sending.outbound.giveUp(new Error('gave up'));
    await failed;
    assert.equal(pair.late.length, 1);

    pair.isSlow = false; // the echo of the first bit comes with that of the first zero
    const outcome = await pair.send();
    assert.deepEqual(outcome, { kind: 'accepted' });
    assert.deepEqual(pair.frames, [FRAME.subarray(0, -1)]);
    assert.deepEqual(pair.addon.events, []);
    assert.equal(pair.receiver.idle, true);
  });
});
