import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SignalCodec } from '../../src/codec/signal-codec.ts';
import { FrameReceiver, type Verdict } from '../../src/link/frame-receiver.ts';
import { FRAME_TIMEOUT_MS } from '../../src/link/inbound.ts';
import { Pump } from '../../src/link/pump.ts';
import type { Receiver } from '../../src/link/receiver.ts';
import { runOf, ZERO } from '../../src/link/run.ts';
import { Exchange } from '../../src/signals/addon.ts';
import { Field } from '../../src/signals/memory.ts';
import { bytes, utf8 } from '../codec/vectors.ts';
import { peer, SIGNAL, wireTo } from './kernel.ts';
import { NOBODY } from './sending.ts';

const H = runOf(bytes(0x68, 0), 0);
/** How long it waits while a frame moves; µs. */
const MOVING_US = 3000;

/** A pump in the middle of a transfer, on a kernel that gives these results, and what it does. */
function given(
  t: TestContext,
  results: Parameters<typeof wireTo>[0],
  mayGoOn = true,
  receiver = NOBODY,
) {
  const clock = { seconds: 1 };
  t.mock.method(process, 'hrtime', () => [clock.seconds, 0]); // no slice ends early
  const { wire, addon, log, fields } = wireTo(results);
  const senders = new Map<number, { kind: 'echo'; peer: object; receiver: FrameReceiver }>();
  const outbound = {
    busy: true,
    pidfd: 9,
    expects: () => false,
    takeStray: () => false,
    takeSignal: (pid: number, bit: number) => {
      if (senders.has(pid)) return false;
      log.push(`signal ${pid * 2 + bit}`);
      return true;
    },
    takeEchoes: () => {
      const count = wire.takeEchoes();
      if (count > 0) log.push(`${count} echoes`);
    },
    mayGoOn: (pid: number, start: number) => {
      log.push(`may ${pid} of ${start} go on?`);
      return mayGoOn;
    },
    giveUpGone: (pid?: number) => log.push(`${pid ?? 'the peer'} is gone`),
  };
  const echoed: number[] = [];
  const inbound = {
    moving: false,
    last: undefined,
    takeEchoed: () => echoed.shift() ?? 0,
    startOf: (pid: number) => pid * 100,
    drop: (pid: number) => log.push(`${pid} is forgotten`),
    sender: (pid: number) => senders.get(pid),
    isStill: () => true,
    sweep: () => false,
  };
  const pump = new Pump(addon, wire, inbound as never, outbound as never, receiver);
  /** Somebody who lacks only the last bit of a frame. */
  const begin = (pid: number) => {
    const frameReceiver = new FrameReceiver(100);
    const frame = [...SignalCodec.bits(SignalCodec.encode(utf8('hi')))];
    for (const bit of frame.slice(0, -1)) frameReceiver.onBit(bit);
    senders.set(pid, { kind: 'echo', peer: peer(pid), receiver: frameReceiver });
  };
  return { pump, wire, log, begin, clock, fields, addon, inbound, echoed, senders };
}

describe('Pump', () => {
  it('takes signals until there are none', (t) => {
    const { pump, log } = given(t, [SIGNAL, SIGNAL]);
    pump.takeSignals();
    const call = [MOVING_US, 9];
    assert.deepEqual(log, [call, `signal ${SIGNAL}`, call, `signal ${SIGNAL}`, call]);
  });

  it('counts the bits of echo peers, and the signals of all others', (t) => {
    const [echoPeer, plainPeer] = [5, 6];
    const { pump, begin, echoed, senders, fields } = given(t, [echoPeer * 2, plainPeer * 2]);
    begin(echoPeer);
    senders.set(plainPeer, { kind: 'plain', decoder: { push: () => undefined } } as never);
    echoed.push(40);
    pump.takeSignals();
    assert.deepEqual([pump.bits, pump.foreign], [41, 1]);
    fields[Field.Nameless] = 3;
    assert.equal(pump.foreign, 4);
  });

  it('asks after a pause whether it may go on, then sends, however often that happens', (t) => {
    for (let pauses = 1; pauses <= 3; pauses++) {
      const { pump, wire, log } = given(t, [...Array(pauses).fill(Exchange.Gap), SIGNAL]);
      wire.start(peer(5), ZERO);
      pump.takeSignals();
      const call = [MOVING_US, 9, ['run', 5, 1, [0]]];
      const pause = [call, 'may 5 of 500 go on?', 'clearGap'];
      const took = [...Array(pauses).fill(pause).flat(), call, `signal ${SIGNAL}`];
      assert.deepEqual(log.slice(0, took.length), took);
    }
  });

  it('drops the bits when it may not: the answer, or else the run', (t) => {
    const { pump, wire, log } = given(t, [Exchange.Gap, Exchange.Gap], false);
    wire.answer(peer(5), 1);
    wire.start(peer(6), ZERO);
    for (let n = 0; n < 3; n++) pump.takeSignals();
    assert.deepEqual(log, [
      [MOVING_US, 9, ['answer', 5, 50, 1], ['run', 6, 1, [0]]],
      'may 5 of 500 go on?',
      [MOVING_US, 9, ['run', 6, 1, [0]]],
      'may 6 of 600 go on?',
      [MOVING_US, 9],
    ]);
  });

  it('tells of a process that cannot be reached, also after a pause', (t) => {
    for (const results of [[Exchange.Unreachable], [Exchange.Gap, Exchange.Unreachable]]) {
      const { pump, wire, log } = given(t, results);
      wire.answer(peer(5), 1);
      pump.takeSignals();
      assert.deepEqual(log.slice(-2), ['5 is gone', '5 is forgotten']);
    }
  });

  it('passes on that the peer ended, and goes on when the event loop is due', (t) => {
    const { pump, log } = given(t, [Exchange.More, Exchange.Ended]);
    pump.takeSignals();
    assert.deepEqual(log, [[MOVING_US, 9], [MOVING_US, 9], 'the peer is gone']);
  });

  it('reports echoes of a run before it asks anything', (t) => {
    const { pump, wire, log } = given(t, [
      [Exchange.Gap, { RunSent: 3, RunEchoed: 3 }],
      [Exchange.More, { RunEchoed: 7 }],
    ]);
    wire.start(peer(5), H);
    pump.takeSignals();
    assert.deepEqual(
      log.filter((entry) => typeof entry === 'string'),
      ['3 echoes', 'may 5 of 500 go on?', 'clearGap', '4 echoes'],
    );
  });

  it('flushes the answer that is due, without waiting, before there is another', async (t) => {
    const verdicts: ((verdict: Verdict) => void)[] = [];
    const receiver: Receiver = {
      ...NOBODY,
      onFrame: () => new Promise((resolve) => verdicts.push(resolve)),
    };
    const { pump, log, begin } = given(t, [5 * 2, 6 * 2], true, receiver);
    for (const pid of [5, 6]) begin(pid);
    pump.takeSignals();
    log.length = 0;
    for (const verdict of verdicts) verdict(0);
    await turn();
    assert.deepEqual(log.slice(0, 2), [
      [-1, 9, ['answer', 5, 50, 0]],
      [MOVING_US, 9, ['answer', 6, 60, 0]],
    ]);
  });

  it('reports signals without a sender, at most once a minute', (t) => {
    const said: string[] = [];
    const onBug = (error: unknown) => void said.push(String(error).replace(/ came .*/s, ''));
    const { pump, clock, fields } = given(t, [], true, { ...NOBODY, onBug });
    for (const [seconds, nameless] of [
      [1, 0],
      [2, 3],
      [3, 5],
      [61, 6],
      [62, 7],
      [63, 7],
    ] as const) {
      clock.seconds = seconds;
      fields[Field.Nameless] = nameless;
      pump.takeSignals();
    }
    assert.deepEqual(said, ['LinkError: 3 signals', 'LinkError: 4 signals']);
  });

  it('rests, and lets no signal wake it, after one that could not be dealt with', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { pump, addon, inbound, log, begin } = given(t, [5 * 2], true, {
      ...NOBODY,
      onBug: (error) => void log.push(String(error)),
    });
    addon.arm = (_, on) => void log.push(on ? 'armed' : 'disarmed');
    begin(5);
    inbound.sender = () => {
      throw new Error('EMFILE');
    };
    pump.takeSignals();
    const call = [MOVING_US, 9];
    assert.deepEqual(log, ['disarmed', call, 'Error: EMFILE']);
    t.mock.timers.tick(9);
    assert.equal(log.length, 3);
    t.mock.timers.tick(1);
    assert.deepEqual(log.slice(3), [call, 'armed']);
  });

  it('drops half a frame when its sender is silent, and goes on when a sweep fails', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bugs: unknown[] = [];
    const { pump, inbound, log } = given(t, [], true, {
      ...NOBODY,
      onBug: (error) => void bugs.push(error),
    });
    inbound.moving = true;
    inbound.sweep = () => {
      log.push('sweep');
      if (log.filter((entry) => entry === 'sweep').length === 2) throw new Error('sweep');
      return true;
    };
    pump.takeSignals();
    t.mock.timers.tick(FRAME_TIMEOUT_MS);
    assert.deepEqual(bugs.map(String), ['Error: sweep']);
    pump.takeSignals();
    t.mock.timers.tick(FRAME_TIMEOUT_MS);
    assert.equal(log.filter((entry) => entry === 'sweep').length, 4);
    pump.close();
  });
});
