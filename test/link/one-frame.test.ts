/** What becomes of a frame that is sent without an event loop, when the kernel and the peer do what they like. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Reason } from '../../src/codec/reason.ts';
import { BusFile } from '../../src/link/bus-record.ts';
import { sendOneFrame } from '../../src/link/one-frame.ts';
import { OutOfStep } from '../../src/link/out-of-step.ts';
import type { ProcessInfo, ProcessTable } from '../../src/registry/process-info.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { byChecksum, FakeAddon, FakeClock, frameOf, type Judge, Peer } from './fakes.ts';

const TARGET = { pid: 4242, start: 500 };
const FRAME = frameOf('one frame, and a zero \0');
const BITS = FRAME.length * 8;
const NOBODY = { holder: 0, isOurs: false, mayBeOurs: false };

/** A broker, this process, and what is between them. */
class Scene {
  readonly addon = new FakeAddon();
  readonly peer: Peer;
  readonly dir: string;
  readonly #table: ProcessTable;
  /** Bits that went out. */
  sent = 0;
  /** Happens before a bit arrives. */
  before = (_bits: number): void => {};

  constructor(t: TestContext, judge: Judge = byChecksum, info: Partial<ProcessInfo> = {}) {
    this.peer = new Peer(judge);
    this.dir = tempDir(t);
    this.#table = fakeTable({ pid: TARGET.pid, ...info });
    this.addon.peers.set(TARGET.pid, (bit) => {
      this.before(this.sent++);
      return this.peer.take(bit);
    });
    t.after(() => this.#steps.delete(TARGET));
  }

  send(table = this.#table): boolean {
    const { addon, dir } = this;
    return sendOneFrame({ dir, addon, table, target: TARGET, frame: FRAME });
  }

  /** Whether a link of this process would bring it in step before it sends anything. */
  get isOutOfStep(): boolean {
    return this.#steps.has(TARGET);
  }

  get #steps(): OutOfStep {
    return new OutOfStep(this.#table, NOBODY);
  }

  bus(t: TestContext): BusFile {
    const bus = new BusFile(join(this.dir, 'bus'));
    t.after(() => bus.close());
    return bus;
  }
}

describe('sendOneFrame', () => {
  it('is told that it was accepted', (t) => {
    const scene = new Scene(t);
    assert.equal(scene.send(), true);
    assert.deepEqual(scene.peer.accepted, [FRAME.subarray(0, -1)]);
    assert.equal(scene.isOutOfStep, false);
  });

  it('is told that it was refused, and is in step afterwards', (t) => {
    for (const reason of Object.values(Reason)) {
      const scene = new Scene(t, () => reason);
      assert.equal(scene.send(), false);
      assert.equal(scene.isOutOfStep, false);
    }
  });

  it('sends nothing to who is not the one, is no echo peer, or may have a bit of ours', (t) => {
    const others: Partial<ProcessInfo>[] = [
      { start: 501 },
      { state: 'Z' },
      { blocksBoth: false },
      { uid: 1 },
      { threadPending: true },
    ];
    for (const info of others) {
      const scene = new Scene(t, byChecksum, info);
      assert.equal(scene.send(), false);
      assert.deepEqual([scene.sent, scene.isOutOfStep], [0, false], JSON.stringify(info));
    }
  });

  it('is out of step when the peer ends, at whichever bit', (t) => {
    for (let at = 0; at < BITS - 1; at++) {
      const scene = new Scene(t);
      scene.before = (bits) => {
        if (bits === at) scene.addon.peers.clear();
      };
      assert.equal(scene.send(), false);
      assert.equal(scene.isOutOfStep, true, `bit ${at}`);
    }
  });

  it('is out of step when the peer does not answer any more, at whichever bit', (t) => {
    const clock = new FakeClock(t);
    clock.perLook = 5;
    for (let at = 0; at < BITS; at += 7) {
      const scene = new Scene(t);
      const { peer } = scene;
      scene.addon.peers.set(TARGET.pid, (bit) => (scene.sent++ < at ? peer.take(bit) : undefined));
      assert.equal(scene.send(), false);
      assert.equal(scene.isOutOfStep, true, `bit ${at}`);
    }
  });

  it('goes on after a pause when all is as it was', (t) => {
    const scene = new Scene(t);
    scene.before = (bits) => {
      if (bits % 10 === 9) scene.addon.gap = true;
    };
    assert.equal(scene.send(), true);
    assert.deepEqual(scene.peer.accepted, [FRAME.subarray(0, -1)]);
  });

  it('does not go on after a pause in which another took the bus', (t) => {
    const scene = new Scene(t);
    const bus = scene.bus(t);
    scene.before = (bits) => {
      if (bits !== 20) return;
      bus.write({ generation: bus.read().generation + 1, pid: 99, stamp: 1 });
      scene.addon.gap = true;
    };
    assert.equal(scene.send(), false);
    assert.deepEqual([scene.isOutOfStep, scene.peer.accepted], [true, []]);
    assert.equal(bus.read().pid, 99);
  });

  it('does not go on after a pause in which the peer became another process', (t) => {
    const scene = new Scene(t);
    let start = TARGET.start;
    const table = fakeTable({ pid: TARGET.pid });
    const read = (pid: number) => ({ ...(table.read(pid) as ProcessInfo), start });
    scene.before = (bits) => {
      if (bits !== 20) return;
      start++;
      scene.addon.gap = true;
    };
    assert.equal(scene.send({ ...table, read }), false);
    assert.equal(scene.isOutOfStep, true);
    assert.ok(scene.sent < 30, `${scene.sent} bits`);
  });

  it('is out of step when the peer cannot be looked at', (t) => {
    const clock = new FakeClock(t);
    clock.perLook = 5;
    const scene = new Scene(t);
    const table = fakeTable({ pid: TARGET.pid });
    let isBlind = false;
    const read = (pid: number) => {
      if (isBlind) throw new Error('EMFILE');
      return table.read(pid);
    };
    scene.addon.peers.set(TARGET.pid, () => {
      isBlind = true;
      return undefined;
    });
    assert.equal(scene.send({ ...table, read }), false);
    isBlind = false;
    assert.equal(scene.isOutOfStep, true);
  });

  it('minds no signals of others', (t) => {
    const scene = new Scene(t);
    scene.before = (bits) => scene.addon.events.push(77 * 2 + (bits & 1));
    assert.equal(scene.send(), true);
    assert.deepEqual(scene.peer.accepted, [FRAME.subarray(0, -1)]);
  });

  it('gives the bus back, whatever happens', (t) => {
    for (const judge of [byChecksum, () => Reason.Full]) {
      const scene = new Scene(t, judge);
      const locks: number[] = [];
      scene.addon.lock = ((_fd: number, _offset: number, on: 0 | 1) => {
        locks.push(on);
        return 0;
      }) as () => number;
      scene.send();
      assert.deepEqual(locks, [1, 0]);
    }
  });
});
