import assert from 'node:assert/strict';
import { openSync, readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Bus } from '../../src/link/bus.ts';
import { BusFile } from '../../src/link/bus-record.ts';
import type { Lease } from '../../src/link/lease.ts';
import { tempDir, until } from '../registry/children.ts';
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
  /** Happens just before a lock is given back. */
  beforeUnlock = () => {};
  /** How often a lock was asked for. */
  looks = 0;
  /** What a process without an event loop waits with. */
  watch = -1;
  /** Happens while it waits. @returns 1: its file was touched */
  whileWaiting = (_ms: number): number => 0;
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
          this.beforeUnlock();
          if (this.locks.get(offset) === fd) this.locks.delete(offset);
          return 0;
        }
        this.looks++;
        if (owner !== undefined && owner !== fd) return EAGAIN;
        this.locks.set(offset, fd);
        return 0;
      },
      monotonic: () => (isStopped ? 1 : this.clock.ms),
      clearGap: () => {},
      watchFile: () => this.watch,
      awaitChange: (_fd: number, ms: number) => {
        this.clock.ms += ms;
        return this.whileWaiting(ms);
      },
    };
    const bus = new Bus(this.dir, port, { ...fakeTable({ pid: 1 }, ...ALL), selfPid: pid });
    this.#buses.push(bus);
    return bus;
  }

  /** The file `bus`, as another process sees it. */
  file(t: TestContext): BusFile {
    const file = new BusFile(join(this.dir, 'bus'));
    t.after(() => file.close());
    return file;
  }

  /** Files of who waits, in their order. */
  line(): string[] {
    return readdirSync(join(this.dir, 'bus.wait')).sort();
  }

  /** Waits for the bus as a process of this name. */
  queueUp(name: string, bus: Bus, signal?: AbortSignal): Promise<Lease> {
    const signals = [this.#end.signal, ...(signal ? [signal] : [])];
    const waiting = bus.take(AbortSignal.any(signals)).then((lease) => {
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
    assert.deepEqual([bus.holder, bus.isOurs], [0, false]);
    const lease = await bus.take();
    assert.deepEqual([bus.holder, bus.isOurs], [A, true]);
    assert.equal(machine.bus(B).isOurs, false);
    assert.equal(lease.check(), true);
    lease.release();
    assert.deepEqual([bus.holder, bus.isOurs], [A, true], 'nobody has had it since');
    (await machine.bus(B).take()).release();
    assert.equal(bus.isOurs, false);
    assert.equal(machine.locks.size, 0);
  });

  it('may be had by others without our seeing it when its file is removed', async (t) => {
    const machine = new Machine(t);
    const bus = machine.bus(A);
    (await bus.take()).release();
    unlinkSync(join(machine.dir, 'bus'));
    assert.deepEqual([bus.holder, bus.isOurs], [A, false]);
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

  it('is taken within 100 ms of the death of its holder, however long one has waited', async (t) => {
    const machine = new Machine(t);
    const [a, b] = [machine.bus(A), machine.bus(B)];
    await a.take();
    const waiting = machine.queueUp('b', b);
    await machine.clock.pass(2050);
    machine.locks.clear();
    await machine.clock.pass(100);
    assert.equal(await stateOf(waiting), 'taken');
  });

  it('is looked at ever less often, but by who has no place in the line', async (t) => {
    const machine = new Machine(t);
    const [a, b, c] = [machine.bus(A), machine.bus(B), machine.bus(C)];
    await a.take();
    machine.looks = 0;
    void machine.queueUp('b', b);
    await machine.clock.pass(2000);
    // Two at once, then after 20, 60 and 140 ms, then one in 100 ms.
    assert.equal(machine.looks, 2 + 3 + 18);
    rmSync(join(machine.dir, 'bus.wait'), { recursive: true });
    void machine.queueUp('c', c);
    await machine.clock.pass(300); // who waits in the line notices, too
    machine.looks = 0;
    await machine.clock.pass(400);
    assert.equal(machine.looks, 400 / 100 + 400 / 20);
  });

  it('is kept for whose turn it is for 100 ms, and then for nobody', async (t) => {
    const machine = new Machine(t);
    const [a, b] = [machine.bus(A), machine.bus(B)];
    const file = machine.file(t);
    file.writeTurn({ pid: B, at: machine.clock.ms });
    const waiting = machine.queueUp('a', a);
    await machine.clock.pass(90);
    assert.equal(await stateOf(waiting), 'pending');
    const lease = await b.take();
    assert.equal(file.read().turn, undefined, 'a turn is over when it is taken');
    lease.release();
    const again = await waiting;
    again.release();
    file.writeTurn({ pid: B, at: machine.clock.ms });
    await machine.clock.pass(100);
    assert.ok(await a.take());
  });

  it('comes to who waits when the one whose turn it is was killed or stopped', async (t) => {
    const machine = new Machine(t);
    const a = machine.bus(A);
    machine.file(t).writeTurn({ pid: B, at: machine.clock.ms });
    const waiting = machine.queueUp('a', a);
    await machine.clock.pass(200);
    assert.equal(await stateOf(waiting), 'taken');
  });

  it('is kept for nobody by a turn at a time that is ahead, long ago, or no time', async (t) => {
    const machine = new Machine(t);
    const [a, file] = [machine.bus(A), machine.file(t)];
    const now = machine.clock.ms;
    for (const at of [now + 100, now + 1e9, now - 100, 0, Number.NaN, -Infinity]) {
      file.writeTurn({ pid: B, at });
      const taking = machine.queueUp(`a at ${at}`, a);
      assert.equal(await stateOf(taking), 'taken');
      (await taking).release();
    }
  });

  it('is offered to the next in line before anybody else can take it', async (t) => {
    const machine = new Machine(t);
    const [a, b, c] = [machine.bus(A), machine.bus(B), machine.bus(C)];
    const lease = await a.take();
    const second = machine.queueUp('b', b);
    await machine.clock.pass(10);
    const third = machine.queueUp('c', c);
    const file = machine.file(t);
    const seen: (number | undefined)[] = [];
    machine.beforeUnlock = () => seen.push(file.read().turn?.pid);
    const at = machine.clock.ms;
    lease.release();
    assert.deepEqual(seen, [B]);
    assert.deepEqual(file.read().turn, { pid: B, at });
    (await second).release();
    assert.deepEqual(seen, [B, C]);
    (await third).release();
    assert.deepEqual(seen, [B, C, undefined]);
  });

  it('is passed on by who gives up when it is its turn', async (t) => {
    const machine = new Machine(t);
    const [a, b, c] = [machine.bus(A), machine.bus(B), machine.bus(C)];
    const lease = await a.take();
    const abort = new AbortController();
    const second = machine.queueUp('b', b, abort.signal);
    await machine.clock.pass(10);
    void machine.queueUp('c', c);
    const file = machine.file(t);
    lease.release();
    assert.equal(file.read().turn?.pid, B);
    abort.abort(new Error('enough'));
    await assert.rejects(second, /enough/);
    await until(() => machine.turns.includes('c')); // no time has passed
    assert.deepEqual(machine.turns, ['c']);
    assert.equal(file.read().pid, C);
  });

  it('is not passed on by who gives up when it is not its turn', async (t) => {
    const machine = new Machine(t);
    const [a, b, c] = [machine.bus(A), machine.bus(B), machine.bus(C)];
    await a.take();
    const abort = new AbortController();
    const waiting = machine.queueUp('b', b, abort.signal);
    const file = machine.file(t);
    file.writeTurn({ pid: C, at: machine.clock.ms });
    machine.locks.clear();
    abort.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    assert.equal(file.read().turn?.pid, C);
    assert.ok(await c.take());
  });

  it('goes to the one after who leaves the line while it is called', async (t) => {
    const machine = new Machine(t);
    const [a, b, c] = [machine.bus(A), machine.bus(B), machine.bus(C)];
    const lease = await a.take();
    machine.queueUp('b', b).catch(() => {});
    await machine.clock.pass(10);
    void machine.queueUp('c', c);
    machine.beforeUnlock = () => {
      machine.beforeUnlock = () => {};
      // It gives up: its turn is written, and it could not take the bus to pass it on.
      unlinkSync(join(machine.dir, 'bus.wait', machine.line()[0] as string));
    };
    lease.release();
    assert.equal(machine.file(t).read().turn?.pid, C);
    assert.equal(machine.locks.size, 0);
    await until(() => machine.turns.includes('c')); // no time has passed
  });

  it('is heard of by who entered the empty line just before it was free', async (t) => {
    const machine = new Machine(t);
    const [a, b] = [machine.bus(A), machine.bus(B)];
    const lease = await a.take();
    machine.beforeUnlock = () => {
      machine.beforeUnlock = () => {};
      void machine.queueUp('b', b);
    };
    lease.release();
    await until(() => machine.turns.includes('b')); // no time has passed
  });

  it('is looked at again soon by who was called and found it taken for a moment', async (t) => {
    const machine = new Machine(t);
    const [a, b, c] = [machine.bus(A), machine.bus(B), machine.bus(C)];
    const lease = await a.take();
    const waiting = machine.queueUp('b', b);
    await machine.clock.pass(2050);
    const stranger = -1;
    machine.looks = 0;
    machine.beforeUnlock = () => {
      const [offset] = machine.locks.keys();
      machine.locks.clear();
      machine.locks.set(offset as number, stranger);
    };
    lease.release();
    machine.beforeUnlock = () => {};
    await until(() => machine.looks > 0); // it hears of its turn
    assert.equal(await stateOf(waiting), 'pending');
    machine.locks.clear();
    const newcomer = machine.queueUp('c', c);
    await machine.clock.pass(40);
    assert.equal(await stateOf(waiting), 'taken');
    assert.equal(await stateOf(newcomer), 'pending');
  });

  it('is free when the line cannot be read', async (t) => {
    const machine = new Machine(t);
    const [a, b] = [machine.bus(A), machine.bus(B)];
    const lease = await a.take();
    rmSync(join(machine.dir, 'bus.wait'), { recursive: true });
    writeFileSync(join(machine.dir, 'bus.wait'), '');
    assert.throws(() => lease.release(), { code: 'ENOTDIR' });
    assert.equal(machine.locks.size, 0);
    assert.ok(await b.take());
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
    assert.deepEqual([a.isOurs, b.isOurs], [false, true]);
    assert.equal(a.holder, B, 'a check that fails writes nothing');
    const third = machine.queueUp('c', machine.bus(C));
    const file = machine.file(t);
    const record = file.read();
    lease.release();
    assert.deepEqual(
      file.read(),
      record,
      'nor does the release of what was lost: it gives no turn',
    );
    assert.equal(stolen.check(), true);
    assert.equal(await stateOf(third), 'pending');
    stolen.release();
    (await third).release();
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
    assert.equal(machine.line().length, 1);
    abort.abort(new Error('meanwhile'));
    await assert.rejects(waiting, /meanwhile/);
    assert.deepEqual(readdirSync(join(machine.dir, 'bus.wait')), []);
  });
});

describe('Bus.takeSync', () => {
  it('takes a bus that is free', (t) => {
    const bus = new Machine(t).bus(A);
    bus.takeSync(0)?.release();
    assert.equal(bus.isOurs, true);
  });

  it('stands in line, and takes it in its turn', async (t) => {
    const machine = new Machine(t);
    const [a, b, c] = [machine.bus(A), machine.bus(B), machine.bus(C)];
    const lease = await a.take();
    let line: number[] = [];
    let others: Promise<Lease> | undefined;
    machine.whileWaiting = () => {
      if (others) return 0;
      others = machine.queueUp('c', c);
      line = machine.line().map((name) => Number(name.split('-')[1]));
      lease.release();
      return 1;
    };
    const taken = b.takeSync(10_000);
    assert.deepEqual(line, [B, C]);
    assert.deepEqual([b.isOurs, machine.turns], [true, []]);
    taken?.release();
    await machine.clock.pass(200);
    (await others)?.release();
    assert.deepEqual([machine.line(), machine.locks.size], [[], 0]);
  });

  it('leaves a turn to who has it', async (t) => {
    const machine = new Machine(t);
    const lease = await machine.bus(A).take();
    void machine.queueUp('c', machine.bus(C));
    await machine.clock.pass(10);
    let waited = 0;
    machine.whileWaiting = (ms) => {
      if (waited === 0) lease.release(); // C has no chance to come for its turn
      waited += ms;
      return 0;
    };
    machine.bus(B).takeSync(10_000)?.release();
    assert.ok(waited >= 100, `${waited} ms`);
  });

  for (const [what, open, expected] of [
    ['ever more rarely where it hears of its turn', true, [20, 40, 80, 100, 100]],
    ['often where it does not', false, [20, 20, 20, 20, 20]],
  ] as const) {
    it(`looks ${what}`, async (t) => {
      const machine = new Machine(t);
      const lease = await machine.bus(A).take();
      if (open) machine.watch = openSync('/dev/null', 'r');
      const waits: number[] = [];
      machine.whileWaiting = (ms) => {
        if (waits.push(ms) === expected.length) lease.release();
        return 0;
      };
      machine.bus(B).takeSync(10_000)?.release();
      assert.deepEqual(waits, expected);
    });
  }

  it('takes it from a holder that is stopped', async (t) => {
    const machine = new Machine(t);
    const stopped = await machine.bus(A, true).take();
    const lease = machine.bus(B).takeSync(10_000);
    assert.deepEqual([lease?.check(), stopped.check()], [true, false]);
    lease?.release();
  });

  it('gives up in time, and leaves the line', async (t) => {
    const machine = new Machine(t);
    const lease = await machine.bus(A).take();
    assert.equal(machine.bus(B).takeSync(100), undefined);
    assert.deepEqual(machine.line(), []);
    lease.release();
  });
});
