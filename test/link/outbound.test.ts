import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Reason } from '../../src/codec/reason.ts';
import type { Bit } from '../../src/codec/signal-codec.ts';
import type { LinkError } from '../../src/link/errors.ts';
import type { Outbound } from '../../src/link/outbound.ts';
import type { SendOptions } from '../../src/link/transmitter.ts';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { Exchange } from '../../src/signals/addon.ts';
import { Descriptor } from '../../src/signals/descriptor.ts';
import { fakeTable, UID } from '../registry/fake-table.ts';
import { FakeAddon, FakeClock, frameOf, type Judge, Peer } from './fakes.ts';
import { LEASE, sendingWith } from './sending.ts';

/** Whom frames were given up to is known of the process: each test has a peer of its own. */
let lastPid = 100;
/** A process that sends frames to this one. */
const STRANGER = 99;

/** A process that is to get frames, and this one, which sends them. */
class Scene {
  readonly pid = ++lastPid;
  readonly target = { pid: this.pid, start: 500 };
  readonly addon = new FakeAddon();
  readonly sending: ReturnType<typeof sendingWith>;
  readonly peer: Peer;
  /** What /proc says of the peer; undefined: nothing. */
  info: Partial<ProcessInfo> | undefined = {};
  /** No descriptor is left to look at a process with. */
  cannotLook = false;
  lease = LEASE;
  readonly bus = { holder: 0, isOurs: false, mayBeOurs: false };

  constructor(judge?: Judge) {
    this.peer = new Peer(judge);
    this.addon.peers.set(this.pid, (bit) => this.peer.take(bit));
    const normal = fakeTable({ pid: this.pid }, { pid: STRANGER });
    const table = {
      ...normal,
      read: (pid: number) => {
        if (this.cannotLook) throw new Error('EMFILE');
        const process = normal.read(pid);
        return process && this.info && { ...process, ...this.info };
      },
    };
    this.sending = sendingWith(this.addon, table, this.bus);
  }

  get outbound(): Outbound {
    return this.sending.outbound;
  }

  /** Signals that were no echoes. */
  get strangers(): number[] {
    return this.sending.strangers;
  }

  /** Takes signals until there are none. */
  pump(): void {
    do this.sending.pump.takeSignals();
    while (this.addon.events.length > 0); // its slice may end early on a busy machine
  }

  /** From now on the peer takes so many more bits and then keeps silent. */
  silentAfter(bits: number): void {
    let left = bits;
    this.addon.peers.set(this.pid, (bit) => (left-- > 0 ? this.peer.take(bit) : undefined));
  }

  send(text = 'hello', options: SendOptions = {}) {
    return this.sending.transmitter.send(this.lease, this.target, frameOf(text), options);
  }

  /** The error of a send that is under way, as far as it is known. */
  failing(options?: SendOptions): () => LinkError | undefined {
    let found: LinkError | undefined;
    this.send('hello', options).catch((error) => {
      found = error;
    });
    return () => found;
  }

  /** Gives a frame up in the middle. */
  async fallOutOfStep(): Promise<void> {
    this.silentAfter(20);
    const abort = new AbortController();
    const sending = this.send('lost', { signal: abort.signal });
    abort.abort(new Error('given up'));
    await assert.rejects(sending, /given up/);
    this.addon.peers.set(this.pid, (bit) => this.peer.take(bit));
  }

  get accepted(): Uint8Array[] {
    return this.peer.accepted;
  }
}

const whole = (text: string) => frameOf(text).subarray(0, -1);

describe('Outbound', () => {
  it('sends a frame, and is busy meanwhile', async () => {
    const scene = new Scene();
    const sending = scene.send();
    assert.deepEqual(await sending, { kind: 'accepted' });
    assert.deepEqual(scene.accepted, [whole('hello')]);
    assert.equal(scene.outbound.busy, false);
    assert.equal(scene.outbound.bits, frameOf('hello').length * 8);
    scene.silentAfter(5);
    scene.failing();
    assert.equal(scene.outbound.busy, true);
    scene.outbound.giveUp(new Error('end'));
    assert.equal(scene.outbound.busy, false);
  });

  it('passes a refusal on, and sends the next frame without more ado', async () => {
    let verdict: 0 | Reason = Reason.Full;
    const scene = new Scene(() => verdict);
    assert.deepEqual(await scene.send(), { kind: 'refused', reason: Reason.Full });
    verdict = 0;
    assert.deepEqual(await scene.send(), { kind: 'accepted' });
  });

  it('tells of each echo, and now and then how far it is', async (t) => {
    const clock = new FakeClock(t);
    const scene = new Scene();
    scene.silentAfter(9);
    const echoes: Bit[] = [];
    const progress: number[][] = [];
    scene.failing({
      onEcho: (echo) => echoes.push(echo),
      onProgress: (sent, total) => progress.push([sent, total]),
    });
    await clock.pass(20);
    assert.equal(echoes.length, 9);
    assert.deepEqual(progress, [[9, frameOf('hello').length * 8]]);
    scene.outbound.giveUp(new Error('end'));
  });

  const unfit: [name: string, info: Partial<ProcessInfo> | undefined, code: string][] = [
    ['has ended', undefined, 'unsafe-target'],
    ['is another one', { start: 501 }, 'unsafe-target'],
    ['is of somebody else', { uid: UID + 1 }, 'unsafe-target'],
    ['would be killed', { blocksBoth: false, catchesBoth: false }, 'unsafe-target'],
    ['catches instead of blocking', { blocksBoth: false }, 'not-echo'],
  ];
  for (const [name, info, code] of unfit) {
    it(`sends no bit to a process that ${name}`, async () => {
      const scene = new Scene();
      let bits = 0;
      scene.addon.peers.set(scene.pid, () => {
        bits++;
        return undefined;
      });
      scene.info = info;
      await assert.rejects(scene.send(), { name: 'LinkError', code });
      assert.equal(bits, 0);
    });
  }
});

describe('Outbound notices a peer that', () => {
  const given = (t: TestContext, bits: number) => {
    const scene = new Scene();
    scene.silentAfter(bits);
    return { scene, clock: new FakeClock(t) };
  };

  it('cannot be reached', async () => {
    const scene = new Scene();
    scene.addon.peers.clear();
    await assert.rejects(scene.send(), { code: 'peer-gone', answerPending: false });
  });

  it('ended, by its pidfd', async () => {
    const scene = new Scene();
    scene.silentAfter(5);
    const sending = scene.send();
    scene.addon.events.push(Exchange.Ended);
    scene.pump();
    await assert.rejects(sending, { code: 'peer-gone' });
  });

  for (const [name, info] of [
    ['ended', undefined],
    ['is a zombie', { state: 'Z' }],
    ['has given its PID to another', { start: 501 }],
  ] as const) {
    it(`${name}, by its entry in /proc`, async (t) => {
      const { scene, clock } = given(t, 5);
      const failing = scene.failing();
      await clock.pass(100);
      assert.equal(failing(), undefined);
      scene.info = info;
      await clock.pass(20);
      assert.equal(failing()?.code, 'peer-gone');
    });
  }

  it('is stopped, after half a second', async (t) => {
    const { scene, clock } = given(t, 0);
    const failing = scene.failing();
    scene.info = { state: 'T' };
    await clock.pass(500);
    assert.equal(failing(), undefined);
    await clock.pass(20);
    assert.equal(failing()?.code, 'peer-stalled');
    assert.match(failing()?.message ?? '', /Process \d+ is stopped/);
  });

  it('is silent in the middle of a frame, after a second', async (t) => {
    const { scene, clock } = given(t, 5);
    const failing = scene.failing();
    await clock.pass(1000);
    assert.equal(failing(), undefined);
    await clock.pass(60);
    assert.deepEqual([failing()?.code, failing()?.answerPending], ['peer-stalled', false]);
  });

  it('does not answer the whole frame, after 30 s: it may have it', async (t) => {
    const { scene, clock } = given(t, frameOf('hello').length * 8 - 1);
    const failing = scene.failing();
    await clock.pass(30_000);
    assert.equal(failing(), undefined);
    await clock.pass(60);
    assert.deepEqual([failing()?.code, failing()?.answerPending], ['peer-stalled', true]);
  });

  it('is slow, but not silent: it goes on', async (t) => {
    const { scene, clock } = given(t, 0);
    const bits: Bit[] = [];
    scene.addon.peers.set(scene.pid, (bit) => {
      bits.push(bit);
      return undefined;
    });
    const sending = scene.send('h');
    while (scene.outbound.busy) {
      await clock.pass(900);
      for (const bit of bits.splice(0)) {
        const echo = scene.peer.take(bit) as Bit;
        scene.addon.events.push(scene.pid * 2 + echo);
      }
      scene.pump();
    }
    assert.deepEqual(await sending, { kind: 'accepted' });
  });
});

describe('Outbound after a pause', () => {
  it('goes on when the bus is still ours', async () => {
    const scene = new Scene();
    scene.addon.gap = true;
    scene.lease = { check: () => true, pauses: 0 };
    assert.deepEqual(await scene.send(), { kind: 'accepted' });
  });

  it('gives the frame up when it is not', async () => {
    const scene = new Scene();
    scene.addon.gap = true;
    scene.lease = { check: () => false, pauses: 0 };
    await assert.rejects(scene.send(), { code: 'bus-lost' });
    assert.equal(scene.peer.receiver.idle, true, 'no bit went out');
  });

  it('echoes on when it had not needed the bus', () => {
    const scene = new Scene();
    scene.addon.gap = true;
    scene.sending.wire.answer(new Descriptor(scene.addon, scene.pid), 1);
    scene.pump();
    assert.equal(scene.peer.receiver.idle, false);
  });

  /** Its echo goes by PID: there are no descriptors. */
  const owingAnEcho = () => {
    const scene = new Scene();
    const echoes: Bit[] = [];
    scene.addon.peers.set(STRANGER, (bit) => void echoes.push(bit));
    const owe = () => {
      scene.addon.gap = true;
      scene.sending.wire.answer(new Descriptor(scene.addon, STRANGER), 1);
    };
    return { scene, echoes, owe };
  };

  it('sends no bit of a frame on a bus that was lost, though an echo went on meanwhile', async () => {
    const { scene, echoes, owe } = owingAnEcho();
    owe();
    scene.pump();
    assert.deepEqual(echoes, [1]);
    assert.equal(scene.addon.gap, false, 'the addon would let a bit go');
    scene.lease = { check: () => false, pauses: 0 };
    await assert.rejects(scene.send(), { code: 'bus-lost' });
    assert.equal(scene.peer.receiver.idle, true, 'no bit went out');
    scene.lease = LEASE;
    assert.deepEqual(await scene.send(), { kind: 'accepted' });
  });

  it('asks for the bus once after such an echo, and not for each frame', async () => {
    const { scene, owe } = owingAnEcho();
    let asked = 0;
    scene.lease = { check: () => ++asked > 0, pauses: 0 };
    owe();
    scene.pump();
    for (let n = 0; n < 3; n++) assert.deepEqual(await scene.send(), { kind: 'accepted' });
    assert.equal(asked, 1);
  });

  it('gives up the frame on a lost bus, and echoes to another all the same', async () => {
    const { scene, echoes, owe } = owingAnEcho();
    let isOurs = true;
    scene.lease = { check: () => isOurs, pauses: 0 };
    scene.silentAfter(5);
    const sending = scene.send();
    isOurs = false;
    owe();
    scene.pump();
    await assert.rejects(sending, { code: 'bus-lost' });
    assert.deepEqual(echoes, [1]);
  });

  it('fails a frame when its peer cannot be looked at, also with others out of step', async () => {
    await new Scene().fallOutOfStep();
    const { scene, owe } = owingAnEcho();
    scene.silentAfter(5);
    const sending = scene.send();
    scene.cannotLook = true;
    owe();
    scene.pump();
    await assert.rejects(sending, /EMFILE/);
  });
});

describe('Outbound that is closed', () => {
  it('gives up the frame under way', async () => {
    const scene = new Scene();
    scene.silentAfter(5);
    const sending = scene.send();
    scene.outbound.close();
    await assert.rejects(sending, { code: 'link-closed' });
  });

  it('sends no bit any more, also to a peer with which it synchronises', async () => {
    const scene = new Scene();
    await scene.fallOutOfStep();
    scene.info = { pending: true };
    scene.addon.peers.set(scene.pid, () => assert.fail('a bit'));
    const sending = scene.send();
    await turn();
    scene.outbound.close();
    scene.info = {};
    await assert.rejects(sending, { code: 'link-closed' });
  });
});

describe('Outbound out of step', () => {
  it('is aborted with the reason of the signal, before and in the middle', async () => {
    const scene = new Scene();
    const signal = AbortSignal.abort(new Error('before'));
    await assert.rejects(scene.send('x', { signal }), /before/);
    assert.equal(scene.peer.receiver.idle, true, 'no bit went out');
    await scene.fallOutOfStep();
    assert.equal(scene.peer.receiver.idle, false);
  });

  it('synchronises first, then the frame passes', async () => {
    const scene = new Scene();
    await scene.fallOutOfStep();
    assert.deepEqual(await scene.send('next'), { kind: 'accepted' });
    assert.deepEqual(scene.accepted, [whole('next')]);
  });

  it('does not synchronise with another process under that PID', async () => {
    const scene = new Scene();
    await scene.fallOutOfStep();
    scene.peer.receiver.reset();
    scene.info = { start: 501 };
    let bits = 0;
    scene.addon.peers.set(scene.pid, (bit) => {
      bits++;
      return scene.peer.take(bit);
    });
    const target = { ...scene.target, start: 501 };
    await scene.sending.transmitter.send(scene.lease, target, frameOf('next'), {});
    assert.equal(bits, frameOf('next').length * 8);
  });

  it('ignores late signals of that peer, unless it holds the bus; those of others never', async () => {
    const scene = new Scene();
    await scene.fallOutOfStep();
    const stray = scene.pid * 2;
    scene.addon.events.push(stray, 99 * 2 + 1);
    scene.pump();
    assert.deepEqual(scene.strangers, [99 * 2 + 1]);
    scene.bus.holder = scene.pid;
    scene.addon.events.push(stray);
    scene.pump();
    assert.deepEqual(scene.strangers, [99 * 2 + 1, stray]);
  });

  it('takes no bit of that peer for an echo that was pending before the first bit', async () => {
    const scene = new Scene();
    scene.addon.events.push(scene.pid * 2 + 1);
    assert.deepEqual(await scene.send(), { kind: 'accepted' });
    assert.deepEqual(scene.strangers, [scene.pid * 2 + 1]);
  });

  it('forgets who was given up and has ended', async () => {
    const scene = new Scene();
    await scene.fallOutOfStep();
    const other = new Scene();
    await other.fallOutOfStep(); // in whose table the first does not exist
    scene.addon.events.push(scene.pid * 2);
    scene.pump();
    assert.deepEqual(scene.strangers, [scene.pid * 2]);
  });

  it('takes an answer that makes no sense for what it is, and synchronises before the next', async () => {
    const scene = new Scene();
    const { take } = scene.peer;
    scene.addon.peers.set(scene.pid, () => 1); // refuses with reason 15
    assert.deepEqual(await scene.send('a'), { kind: 'out-of-step' });
    scene.peer.receiver.onBit(1);
    scene.addon.peers.set(scene.pid, (bit) => take.call(scene.peer, bit));
    assert.deepEqual(await scene.send('next'), { kind: 'accepted' });
    assert.deepEqual(scene.accepted, [whole('next')]);
  });

  it('does not take the echo that is left of a pair for a bit', async () => {
    const scene = new Scene();
    let bits = 0;
    scene.addon.peers.set(scene.pid, () => (bits++ < 6 ? 0 : 1)); // bits 6 and 7 go together
    assert.deepEqual(await scene.send(), { kind: 'out-of-step' });
    assert.equal(bits, 12);
    assert.deepEqual(scene.strangers, []);
  });

  it('gives up a peer that never refuses anything', async () => {
    const scene = new Scene();
    await scene.fallOutOfStep();
    scene.addon.peers.set(scene.pid, (bit) => bit);
    await assert.rejects(scene.send(), { code: 'out-of-step', answerPending: false });
  });

  it('waits until no signal is pending there, but not for ever', async (t) => {
    const scene = new Scene();
    await scene.fallOutOfStep();
    scene.info = { pending: true };
    let looks = 0;
    scene.addon.peers.set(scene.pid, (bit) => {
      assert.equal(scene.info?.pending, false, 'sent before the peer was quiet');
      return scene.peer.take(bit);
    });
    const sending = scene.send('next');
    while (looks++ < 5) await turn();
    scene.info = { pending: false };
    assert.deepEqual(await sending, { kind: 'accepted' });

    await scene.fallOutOfStep();
    new FakeClock(t).perLook = 100;
    scene.info = { pending: true };
    await assert.rejects(scene.send(), { code: 'peer-stalled' });
  });
});
