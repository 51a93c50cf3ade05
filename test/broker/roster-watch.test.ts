/** Real processes and a real file. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Roster } from '../../src/broker/roster.ts';
import { RosterWatch } from '../../src/broker/roster-watch.ts';
import { processTable } from '../../src/registry/process-table.ts';
import { loadAddon } from '../../src/signals/addon.ts';
import { blocker, startPython, stranger, tempDir, until } from '../registry/children.ts';
import { FakeJournal, unsettled } from './fakes.ts';

function given(t: TestContext, dir = tempDir(t)) {
  const file = join(dir, 'consumers.txt');
  const journal = new FakeJournal();
  const roster = new Roster({ dir, table: processTable(), journal });
  const ended: number[] = [];
  const inFlight = { lose: async ({ pid }: { pid: number }) => void ended.push(pid) };
  const groups = { ensure: async () => {} };
  const watch = new RosterWatch({ dir, roster, inFlight, groups, journal });
  t.after(() => watch.stop());
  const pids = () => roster.all.map(({ pid }) => pid);
  /** Beside who came and went. */
  const said = () => journal.events.filter(({ level }) => level !== 'info');
  return { dir, file, roster, watch, ended, said, pids, refreshed: () => journal.wakes };
}

describe('RosterWatch', () => {
  it('reads the file when it starts, and when it changes', async (t) => {
    const { file, watch, said, pids, refreshed } = given(t);
    const [one, two] = [await blocker(t), await blocker(t)];
    writeFileSync(file, `${one.pid}\n`);
    watch.start();
    assert.deepEqual([pids(), refreshed()], [[one.pid], 1]);
    appendFileSync(file, `${two.pid}\n`);
    await until(() => pids().length === 2);
    assert.deepEqual(pids(), [one.pid, two.pid]);
    writeFileSync(file, '');
    await until(() => pids().length === 0);
    assert.deepEqual(said(), []);
  });

  it('notices that a consumer ends, in the file or not', {
    skip: loadAddon().why ?? false,
  }, async (t) => {
    const { file, roster, watch, ended, pids } = given(t);
    const [one, two] = [await blocker(t), await blocker(t)];
    writeFileSync(file, `${one.pid}\n`);
    watch.start();
    const { start = 0 } = processTable().read(two.pid) ?? {};
    roster.survivor(`${two.pid}:${start}`)?.inFlight.set(1, unsettled);
    watch.watchDeaths();
    assert.deepEqual(pids(), [one.pid, two.pid]);
    await two.kill('SIGKILL');
    await until(() => ended.includes(two.pid));
    await one.kill('SIGKILL');
    await until(() => ended.includes(one.pid));
    assert.deepEqual(pids(), []);
  });

  it('notices that who was registered too early catches the signals, and that another has ended', async (t) => {
    const { file, watch, said, pids } = given(t);
    const late = startPython(
      t,
      "print('here', flush=True); sys.stdin.readline(); signal.signal(signal.SIGUSR1, f); signal.signal(signal.SIGUSR2, f)",
    );
    const never = stranger(t);
    assert.equal(await late.line(), 'here');
    writeFileSync(file, `${late.pid}\n${never.pid} x\n`);
    watch.start();
    assert.deepEqual([pids(), said().length], [[], 2]);
    late.say('go\n');
    await until(() => pids().length === 1);
    assert.deepEqual(pids(), [late.pid]);
    await never.kill('SIGKILL');
    await until(() => !readFileSync(file, 'latin1').includes(`${never.pid} `));
    assert.match(readFileSync(file, 'latin1'), new RegExp(`^${late.pid} start=\\d+\n$`));
    assert.equal(said().length, 2);
  });

  it('looks no more when it was stopped', async (t) => {
    const { dir, file, watch, pids, refreshed } = given(t);
    const one = await blocker(t);
    writeFileSync(file, `${one.pid}\n`);
    watch.start();
    await watch.stop();
    const other = given(t, dir);
    other.watch.start();
    writeFileSync(file, '');
    await one.kill('SIGKILL');
    await until(() => other.pids().length === 0);
    assert.deepEqual([pids(), refreshed()], [[one.pid], 1]);
  });
});
