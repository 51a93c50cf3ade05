import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Roster } from '../../src/broker/roster.ts';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable, SELF, UID } from '../registry/fake-table.ts';
import { FakeJournal, unsettled } from './fakes.ts';

type Process = Partial<ProcessInfo> & { pid: number };

/** Consumers 71 to 75 run, unless it is said otherwise. */
const RUNNING: Process[] = [71, 72, 73, 74, 75].map((pid) => ({ pid }));

function given(t: TestContext) {
  const dir = tempDir(t);
  const path = join(dir, 'consumers.txt');
  let table = fakeTable(...RUNNING);
  const journal = new FakeJournal();
  const left: number[] = [];
  const ended: number[] = [];
  const roster = new Roster({
    dir,
    table: { ...table, read: (pid) => table.read(pid) },
    journal,
  });
  const refresh = async () => {
    const departed = roster.look();
    left.push(...departed.left.map(({ pid }) => pid));
    ended.push(...departed.ended.map(({ pid }) => pid));
    await roster.tidy();
  };
  const write = async (text: string) => {
    writeFileSync(path, text);
    await refresh();
  };
  const run = (...processes: Process[]) => {
    table = fakeTable(...processes);
  };
  const pids = () => roster.all.map(({ pid }) => pid);
  const free = (now = 0) => roster.free(now).map(({ pid }) => pid);
  const consumer = (pid: number) => {
    const found = roster.get(`${pid}:500`);
    assert.ok(found, `${pid} is known`);
    return found;
  };
  const read = () => readFileSync(path, 'utf8');
  const warnings = () => journal.warnings;
  return {
    dir,
    journal,
    roster,
    refresh,
    warnings,
    left,
    ended,
    write,
    run,
    pids,
    free,
    consumer,
    read,
  };
}

describe('Roster.look', () => {
  it('knows nobody without a file', async (t) => {
    const { refresh, pids } = given(t);
    await refresh();
    assert.deepEqual(pids(), []);
  });

  it('knows the consumers in the order of the file, each once', async (t) => {
    const { write, pids } = given(t);
    await write('73\n71 start=500\n73 start=500\n72');
    assert.deepEqual(pids(), [73, 71, 72]);
  });

  it('gives a plain peer one message at a time, whatever it asks for', async (t) => {
    const { run, write, consumer } = given(t);
    run({ pid: 71, blocksBoth: false });
    await write('71 jobs=4\n');
    assert.deepEqual([consumer(71).kind, consumer(71).jobs], ['plain', 1]);
  });

  it('keeps the state of those that it knew, and takes what they say now', async (t) => {
    const { write, consumer } = given(t);
    await write('71\n72\n');
    const before = consumer(71);
    before.inFlight.set(1, unsettled);
    await write('72\n71 start=500 queues=new jobs=2 ackwait=9\n');
    assert.equal(consumer(71), before);
    assert.deepEqual([before.queues, before.jobs, before.ackWaitMs], [['new'], 2, 9]);
  });

  it('says once what is wrong with a line, and keeps it', async (t) => {
    const { journal, run, write, warnings, read, pids } = given(t);
    run(
      ...RUNNING,
      { pid: 80, uid: UID + 1 },
      { pid: 81, blocksBoth: false, catchesBoth: false },
      { pid: 1 },
    );
    const text = `junk\n71\n80\n81\n1\n${SELF}\n`;
    await write(text);
    await write(text);
    assert.deepEqual(pids(), [71]);
    assert.equal(warnings().length, 5);
    assert.match(warnings()[0] ?? '', /does not start with a PID: "junk"/);
    assert.deepEqual(
      journal.events.map((event) => (event.type === 'consumer-refused' ? event.pid : event.type)),
      ['line-refused', 80, 81, 1, SELF],
    );
    assert.equal(read().replaceAll(' start=500', ''), text);
  });

  it('says no more after 20 bad lines', async (t) => {
    const { write, warnings } = given(t);
    await write(Array.from({ length: 50 }, (_, n) => `junk ${n}\n`).join(''));
    assert.equal(warnings().length, 21);
    assert.match(warnings()[20] ?? '', /more bad lines, which are not reported/);
  });

  it('takes the dead out of the file, and leaves every other line', async (t) => {
    const { run, write, read, pids } = given(t);
    run({ pid: 71 }, { pid: 72, state: 'Z' }, { pid: 73, start: 501 }, { pid: 74 });
    await write('# mine\n70\n71\n72\n73 start=500\n73\n74 start=500 x=y\n');
    assert.deepEqual(pids(), [71, 73, 74]);
    assert.equal(read(), '# mine\n71 start=500\n73 start=501\n74 start=500 x=y\n');
  });

  it('serves the living when the file cannot be written', {
    skip: process.getuid?.() === 0 && 'root may write everything',
  }, async (t) => {
    const { dir, write, warnings, pids } = given(t);
    chmodSync(dir, 0o500);
    t.after(() => chmodSync(dir, 0o700));
    await write('70\n71\n');
    assert.deepEqual([pids(), warnings().length], [[71], 1]);
  });
});

describe('Roster, when a consumer', () => {
  it('leaves the file: it gets nothing new; while it holds something it may settle', async (t) => {
    const { refresh, write, left, ended, consumer, free, pids } = given(t);
    await write('71\n72\n');
    consumer(72).inFlight.set(1, unsettled);
    await write('');
    assert.deepEqual([left, ended, free()], [[71, 72], [], []]);
    assert.deepEqual(pids(), [72]);
    consumer(72).inFlight.clear();
    await refresh();
    assert.deepEqual(pids(), []);
  });

  it('comes back before it has settled: it is the same', async (t) => {
    const { write, consumer, pids, free } = given(t);
    await write('71\n');
    const before = consumer(71);
    before.inFlight.set(1, unsettled);
    await write('');
    await write('71\n');
    assert.deepEqual([pids(), free()], [[71], []]);
    assert.equal(consumer(71), before);
  });

  it('ends: that is said once, whether it had left before or not', async (t) => {
    const { run, write, left, ended, consumer, pids } = given(t);
    await write('71\n72\n73\n');
    for (const pid of [71, 72]) consumer(pid).inFlight.set(pid, unsettled);
    await write('72\n73\n');
    run({ pid: 73 });
    await write('72\n73\n');
    await write('73\n');
    assert.deepEqual([left, ended.sort(), pids()], [[71], [71, 72], [73]]);
  });
});

describe('Roster.free', () => {
  it('is strictly in turn, beginning behind who was served last', async (t) => {
    const { roster, write, consumer, free } = given(t);
    await write('71\n72\n73\n');
    const turns: number[] = [];
    for (let n = 0; n < 6; n++) {
      const [next = 0] = free();
      turns.push(next);
      roster.dealt(consumer(next));
    }
    assert.deepEqual(turns, [71, 72, 73, 71, 72, 73]);
  });

  it('goes on in turn when who was served last has left', async (t) => {
    const { roster, write, consumer, free } = given(t);
    await write('71\n72\n73\n74\n');
    roster.dealt(consumer(72));
    await write('71\n73\n74\n');
    assert.deepEqual(free(), [73, 74, 71]);
    roster.dealt(consumer(73));
    await write('74\n75\n');
    assert.deepEqual(free(), [74, 75]);
  });

  it('leaves out who has no slot, and who rests', async (t) => {
    const { roster, write, consumer, free } = given(t);
    await write('71\n72 jobs=2\n73 jobs=2\n74\n');
    consumer(71).inFlight.set(1, unsettled);
    consumer(72).inFlight.set(2, unsettled);
    consumer(73).inFlight.set(3, unsettled);
    consumer(73).overdue.set(4, unsettled);
    roster.rest(consumer(74), 1000);
    assert.deepEqual(free(1000), [72]);
    assert.deepEqual(free(1249), [72]);
    assert.deepEqual(free(1250), [72, 74]);
  });

  it('lets who does not answer rest longer each time, up to a second, until it answers', async (t) => {
    const { roster, write, consumer } = given(t);
    await write('71\n');
    const rests = Array.from({ length: 4 }, () => {
      roster.rest(consumer(71), 0);
      return consumer(71).restsUntil;
    });
    assert.deepEqual(rests, [250, 500, 1000, 1000]);
    roster.dealt(consumer(71));
    roster.rest(consumer(71), 0);
    assert.equal(consumer(71).restsUntil, 1000, 'that it was its turn is no answer');
    roster.answered(consumer(71));
    roster.rest(consumer(71), 0);
    assert.equal(consumer(71).restsUntil, 250);
  });
});

it('Roster begins to count anew what it gives a process that registers once more', async (t) => {
  const { write, consumer, free } = given(t);
  await write('71 count=2\n');
  consumer(71).given = 2;
  await write('71 count=2\n72\n');
  assert.deepEqual([consumer(71).given, free()], [2, [72]]);
  await write('71 count=2 nth=2\n72\n');
  assert.deepEqual([consumer(71).given, free()], [0, [71, 72]]);
  consumer(71).inFlight.set(1, unsettled);
  await write('71 count=2 nth=3\n');
  assert.equal(consumer(71).given, 1, 'what it has still to settle is its own');
});

describe('Roster.survivor', () => {
  it('is who held a message of an earlier broker, if it lives and can say what became of it', async (t) => {
    const { roster, run, write, consumer, free } = given(t);
    run({ pid: 71 }, { pid: 72 }, { pid: 73, blocksBoth: false }, { pid: 74, blocksBoth: false });
    await write('71\n73\n');
    assert.equal(roster.survivor('71:500'), consumer(71));
    assert.equal(roster.survivor('72:500')?.pid, 72);
    assert.equal(roster.get('72:500')?.pid, 72);
    assert.equal(free().includes(72), false, 'it has not registered');
    for (const key of ['73:500', '74:500', '71:499', '75:500', 'junk', '']) {
      assert.equal(roster.survivor(key), undefined, key);
    }
  });
});

it('Roster tells who is stopped, and who is gone', async (t) => {
  const { roster, run, write, consumer } = given(t);
  await write('71\n72\n73\n74\n');
  const all = [71, 72, 73, 74].map(consumer);
  run({ pid: 71, state: 'T' }, { pid: 72, state: 't' }, { pid: 73, start: 1 });
  assert.deepEqual(
    all.map((consumer) => [roster.isStopped(consumer), roster.isGone(consumer)]),
    [
      [true, false],
      [true, false],
      [false, true],
      [false, true],
    ],
  );
});
