import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Bus } from '../../src/link/bus.ts';
import type { Lease } from '../../src/link/lease.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeClock } from './fakes.ts';

const EAGAIN = 11;

/** Processes of one runtime directory, each with a bus of its own; locks as the kernel keeps them. */
class Machine {
  readonly clock: FakeClock;
  readonly dir: string;
  readonly locks = new Map<number, number>();
  /** Holders, in turn. */
  readonly turns: string[] = [];
  readonly #buses: Bus[] = [];
  readonly #waiting: Promise<unknown>[] = [];
  readonly #end = new AbortController();

  constructor(t: TestContext) {
    t.after(async () => {
      this.#end.abort();
      await Promise.allSettled(this.#waiting);
      for (const bus of this.#buses) bus.close();
    });
    this.clock = new FakeClock(t);
    this.dir = tempDir(t);
  }

  /** @param isStopped its clock stands: what it writes does not change */
  bus(pid: number, isStopped = false): Bus {
    const port = {
      lock: (fd: number, offset: number, on: 0 | 1) => {
        const owner = this.locks.get(offset);
        if (on === 0) {
          if (owner === fd) this.locks.delete(offset);
          return 0;
        }
        if (owner !== undefined && owner !== fd) return EAGAIN;
        this.locks.set(offset, fd);
        return 0;
      },
      monotonic: () => (isStopped ? 1 : this.clock.ms),
      clearGap: () => {},
    };
    const bus = new Bus(this.dir, port, { ...fakeTable({ pid: 1 }, ...ALL), selfPid: pid });
    this.#buses.push(bus);
    return bus;
  }

  /** Waits for the bus as a process of this name. */
  queueUp(name: string, bus: Bus): Promise<Lease> {
    const waiting = bus.take(this.#end.signal).then((lease) => {
      this.turns.push(name);
      return lease;
    });
    this.#waiting.push(waiting);
    return waiting;
  }
}

const [A, B, C] = [71, 72, 73];
const ALL = [{ pid: A }, { pid: B }, { pid: C }];

/** Settled or not, at this moment. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  const pending = Promise.resolve('pending');
  return Promise.race([
    promise.then(
      () => 'taken',
      () => 'failed',
    ),
    pending.then(() => pending).then(() => pending),
  ]);
}

describe('Bus', () => {
  it('is taken at once when nobody has it, and names who has it', async (t) => {
    const machine = new Machine(t);
    const bus = machine.bus(A);
    assert.equal(bus.holder, 0);
    const lease = await bus.take();
    assert.equal(bus.holder, A);
    assert.equal(lease.check(), true);
    lease.release();
    assert.equal(machine.locks.size, 0);
  });

  it('is had by one at a time, and comes to who waits when it is released', async (t) => {
    const machine = new Machine(t);
    const [a, b] = [machine.bus(A), machine.bus(B)];
    const lease = await a.take();
    const waiting = machine.queueUp('b', b);
    await machine.clock.pass(2000);
    assert.equal(await stateOf(waiting), 'pending');
    lease.release();
    await machine.clock.pass(20);
    await waiting;
    assert.equal(a.holder, B);
    assert.deepEqual(readdirSync(join(machine.dir, 'bus.wait')), []);
  });

  it('does not come back to its holder before those who wait', async (t) => {
    const machine = new Machine(t);
    const [a, b, c] = [machine.bus(A), machine.bus(B), machine.bus(C)];
    const lease = await a.take();
    const second = machine.queueUp('b', b);
    await machine.clock.pass(10);
    const third = machine.queueUp('c', c);
    await machine.clock.pass(10);
    lease.release();
    const again = machine.queueUp('a', a);
    for (const next of [second, third, again]) {
      for (let n = 0; (await stateOf(next)) === 'pending'; n++) {
        assert.ok(n < 100);
        await machine.clock.pass(10);
      }
      (await next).release();
    }
    assert.deepEqual(machine.turns, ['b', 'c', 'a']);
  });

  it('is taken when its holder has died without a word', async (t) => {
    const machine = new Machine(t);
    const [a, b] = [machine.bus(A), machine.bus(B)];
    await a.take();
    const waiting = machine.queueUp('b', b);
    await machine.clock.pass(40);
    machine.locks.clear(); // the kernel does
    await machine.clock.pass(20);
    assert.equal(await stateOf(waiting), 'taken');
  });

  it('is stolen from a holder that is stopped, and the holder notices', async (t) => {
    const machine = new Machine(t);
    const [a, b] = [machine.bus(A, true), machine.bus(B)];
    const lease = await machine.queueUp('a', a);
    const waiting = machine.queueUp('b', b);
    await machine.clock.pass(780);
    assert.equal(await stateOf(waiting), 'pending');
    assert.equal(lease.check(), true);
    await machine.clock.pass(100);
    const stolen = await waiting;
    assert.equal(lease.check(), false);
    assert.equal(a.holder, B, 'a check that fails writes nothing');
    lease.release();
    assert.equal(stolen.check(), true, 'nor does the release of what was lost');
    stolen.release();
    assert.ok((await a.take()).check());
  });

  it('is stolen by one of several, and the others wait on', async (t) => {
    const machine = new Machine(t);
    const [a, b, c] = [machine.bus(A, true), machine.bus(B), machine.bus(C)];
    await machine.queueUp('a', a);
    const waiting = [machine.queueUp('b', b), machine.queueUp('c', c)];
    await machine.clock.pass(1500);
    assert.deepEqual((await Promise.all(waiting.map(stateOf))).sort(), ['pending', 'taken']);
  });

  it('is not waited for when that was aborted, before or meanwhile', async (t) => {
    const machine = new Machine(t);
    const [a, b] = [machine.bus(A), machine.bus(B)];
    await assert.rejects(a.take(AbortSignal.abort(new Error('before'))), /before/);
    await a.take();
    const abort = new AbortController();
    const waiting = b.take(abort.signal);
    abort.abort(new Error('meanwhile'));
    await assert.rejects(waiting, /meanwhile/);
    assert.deepEqual(readdirSync(join(machine.dir, 'bus.wait')), []);
  });
});
