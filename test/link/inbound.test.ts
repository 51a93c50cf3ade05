import assert from 'node:assert/strict';
import { fstatSync, openSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Reason } from '../../src/codec/reason.ts';
import { SignalCodec } from '../../src/codec/signal-codec.ts';
import { type FrameReceiver, JUDGE } from '../../src/link/frame-receiver.ts';
import {
  type EchoSender,
  FRAME_TIMEOUT_MS,
  Inbound,
  type PlainSender,
} from '../../src/link/inbound.ts';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { bytes } from '../codec/vectors.ts';
import { fakeTable, UID } from '../registry/fake-table.ts';

const PID = 70;
const MAX = 100;

/** A wire on which the addon has echoed bits by itself. */
function fakeWire() {
  const echoed: [bytes: Uint8Array, partial: number, bits: number][] = [];
  const takeEchoed = (receiver: Pick<FrameReceiver, 'absorb'> | undefined) => {
    const next = echoed.shift();
    if (next) receiver?.absorb(...next);
    return next ? next[0].length * 8 + next[2] : 0;
  };
  return { echoed, takeEchoed };
}

/** A machine of which a process may change; how often it was looked at. */
function given() {
  let now = fakeTable({ pid: PID });
  const looks: number[] = [];
  const table = {
    ...now,
    read: (pid: number) => {
      looks.push(pid);
      return now.read(pid);
    },
  };
  const wire = fakeWire();
  const inbound = new Inbound(table, { pidfd: () => -1, signal: () => 0 }, MAX, wire);
  const change = (...processes: (Partial<ProcessInfo> & { pid: number })[]) => {
    now = fakeTable(...processes);
  };
  const echo = (at: number) => {
    const sender = inbound.sender(PID, at);
    assert.ok(sender.kind === 'echo');
    return sender;
  };
  return { inbound, change, looks, echo, wire };
}

/** In the middle of a frame. */
function begin(sender: EchoSender | PlainSender): void {
  if (sender.kind === 'echo') sender.receiver.onBit(1);
  else sender.decoder.push(1);
}

const isIdle = (sender: EchoSender | PlainSender) =>
  sender.kind === 'echo' ? sender.receiver.idle : sender.decoder.idle;

describe('Inbound', () => {
  const kinds: [name: string, is: Partial<ProcessInfo> | undefined, kind: 'echo' | 'plain'][] = [
    ['blocks both signals', {}, 'echo'],
    ['catches them', { blocksBoth: false }, 'plain'],
    ['is not known to block them', { blocksBoth: undefined }, 'plain'],
    ['blocks them and is not ours', { uid: UID + 1 }, 'plain'],
    ['has ended', undefined, 'plain'],
  ];
  for (const [name, is, kind] of kinds) {
    it(`takes a sender that ${name} for ${kind}`, () => {
      const { inbound, change } = given();
      change(...(is ? [{ pid: PID, ...is }] : []));
      const { pid, start, kind: found } = inbound.sender(PID, 0);
      assert.deepEqual([pid, start, found], [PID, is ? 500 : 0, kind]);
    });
  }

  it('looks at a process at the start of each frame, and not within', () => {
    const { looks, echo } = given();
    const sender = echo(0);
    assert.equal(looks.length, 2, 'before and after its descriptor was opened');
    assert.equal(echo(1), sender);
    assert.equal(looks.length, 3);
    begin(sender);
    assert.equal(echo(2), sender);
    assert.equal(looks.length, 3);
  });

  it('begins afresh with another process of the same PID, and with one that changed its kind', () => {
    const { inbound, change, echo } = given();
    const first = echo(0);
    change({ pid: PID, start: 501 });
    const second = echo(1);
    assert.notEqual(second, first);
    change({ pid: PID, start: 501, blocksBoth: false });
    const third = inbound.sender(PID, 2);
    assert.equal(third.kind, 'plain');
    change({ pid: PID, start: 501 });
    assert.notEqual(echo(3), second);
  });

  it('drops what a plain sender began that is silent for 2 s', () => {
    const { inbound, change } = given();
    change({ pid: PID, blocksBoth: false });
    const sender = inbound.sender(PID, 0);
    begin(sender);
    assert.equal(isIdle(inbound.sender(PID, 1999)), false);
    assert.equal(inbound.sender(PID, 3999), sender);
    assert.equal(isIdle(sender), true);
  });

  it('forgets a reason that is not asked for within 100 ms', () => {
    const { echo } = given();
    const { receiver } = echo(0);
    for (const bit of SignalCodec.bits(bytes(0))) receiver.onBit(bit);
    assert.equal(echo(100).receiver.refusing, true);
    assert.equal(echo(201).receiver.refusing, false);
    assert.equal(receiver.idle, true);
  });

  it('keeps 256 decoders, and drops the one that was silent longest', () => {
    const { inbound, change } = given();
    change(...Array.from({ length: 257 }, (_, n) => ({ pid: 1000 + n })));
    const senders = Array.from({ length: 256 }, (_, n) => inbound.sender(1000 + n, n));
    for (const sender of senders) begin(sender);
    inbound.sender(1000, 300);
    inbound.sender(1256, 301);
    assert.equal(inbound.sender(1000, 302), senders[0]);
    assert.equal(inbound.sender(1002, 302), senders[2]);
    assert.notEqual(inbound.sender(1001, 302), senders[1]);
  });

  it('knows whether the frame of an echo peer is moving, and since when not', () => {
    const { inbound, change, echo } = given();
    assert.deepEqual([inbound.moving, inbound.lastBitAt], [false, 0]);
    const { receiver } = echo(5);
    assert.deepEqual([inbound.moving, inbound.lastBitAt], [false, 5]);
    const bits = [...SignalCodec.bits(bytes(1, 0))];
    for (const bit of bits.slice(0, -1)) {
      receiver.onBit(bit);
      assert.equal(inbound.moving, true);
    }
    assert.equal(receiver.onBit(0), JUDGE);
    assert.equal(inbound.moving, false);
    receiver.answer(Reason.Full);
    assert.equal(inbound.moving, true, 'the reason is still to be read');
    receiver.reset();
    change({ pid: PID }, { pid: 80, blocksBoth: false });
    begin(inbound.sender(80, 9));
    assert.deepEqual([inbound.moving, inbound.lastBitAt], [false, 5]);
  });

  it('knows when the last signal came of what is on its way, from whatever peer', () => {
    const { inbound, change, echo, wire } = given();
    assert.equal(inbound.lastSignalAt(0), undefined);
    echo(5).receiver.onBit(1);
    assert.equal(inbound.lastSignalAt(100), 5);
    wire.echoed.push([bytes(0x69), 0, 0]);
    inbound.takeEchoed(50);
    assert.equal(inbound.lastSignalAt(100), 50, 'also those that were echoed without it');
    assert.equal(inbound.lastSignalAt(50 + FRAME_TIMEOUT_MS), undefined, 'it has been given up');
    change({ pid: PID }, { pid: 80, blocksBoth: false });
    begin(inbound.sender(80, 70));
    assert.equal(inbound.lastSignalAt(100), 70);
  });

  it('takes what was echoed without it for bits of the last echo peer', () => {
    const { inbound, echo, wire } = given();
    wire.echoed.push([bytes(1), 0, 0]);
    inbound.takeEchoed();
    assert.equal(wire.echoed.length, 0, 'also when there is none');
    const { receiver } = echo(0);
    receiver.onBit(1);
    inbound.sweep();
    wire.echoed.push([bytes(0x69), 0, 7]);
    inbound.takeEchoed();
    assert.equal(inbound.sweep(), true, 'it has spoken since');
    assert.equal(receiver.onBit(0), JUDGE);
    assert.deepEqual(receiver.frame, bytes(0x69));
  });

  it('forgets who cannot be reached, and holds each by a descriptor until then', (t) => {
    const opened: number[] = [];
    const addon = {
      pidfd: () => {
        opened.push(openSync('/dev/null', 'r'));
        return opened.at(-1) as number;
      },
      signal: () => 0,
    };
    const table = fakeTable({ pid: PID }, { pid: 80 }, { pid: 90, blocksBoth: false });
    const inbound = new Inbound(table, addon, MAX, fakeWire());
    t.after(() => inbound.close());
    const [first, second] = [PID, 80].map((pid) => inbound.sender(pid, 0) as EchoSender);
    assert.ok(first && second);
    begin(inbound.sender(90, 0));
    assert.deepEqual([first.peer.fd, second.peer.fd], opened);
    begin(first);
    inbound.drop(PID);
    assert.throws(() => fstatSync(opened[0] as number), { code: 'EBADF' });
    assert.ok(first.peer.fd < -1, 'nothing is sent by it');
    const again = inbound.sender(PID, 1) as EchoSender;
    assert.ok(again !== first && isIdle(again));
    inbound.close();
    assert.throws(() => fstatSync(opened[1] as number), { code: 'EBADF' });
    assert.ok(again.peer.fd < -1);
  });

  it('takes a sender for plain that ended while its descriptor was opened', () => {
    let looks = 0;
    const table = fakeTable({ pid: PID });
    const read = (pid: number) => (looks++ === 0 ? table.read(pid) : undefined);
    const inbound = new Inbound(
      { ...table, read },
      { pidfd: () => -1, signal: () => 0 },
      MAX,
      fakeWire(),
    );
    assert.equal(inbound.sender(PID, 0).kind, 'plain');
  });

  it('resets the decoder of a sender, and knows when there is none', () => {
    const { inbound, change } = given();
    inbound.reset(PID);
    for (const blocksBoth of [true, false]) {
      change({ pid: PID, blocksBoth });
      const sender = inbound.sender(PID, 0);
      begin(sender);
      inbound.reset(PID);
      assert.equal(isIdle(sender), true);
    }
  });
});
