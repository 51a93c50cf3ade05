/** Whom a line of consumers.txt stands for. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Roster } from '../../src/broker/roster.ts';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeJournal, unsettled } from './fakes.ts';

function given(t: TestContext, ...processes: (Partial<ProcessInfo> & { pid: number })[]) {
  const dir = mkdtempSync(join(tmpdir(), 'sigmq-roster-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'consumers.txt');
  let table = fakeTable(...processes);
  const events: string[] = [];
  const roster = new Roster({
    dir,
    table: { ...table, read: (pid) => table.read(pid) },
    journal: new FakeJournal(({ message }) => events.push(message)),
  });
  const refresh = async () => {
    const { left, ended } = roster.look();
    for (const { key } of left) events.push(`${key} left`);
    for (const { key } of ended) events.push(`${key} ended`);
    await roster.tidy();
  };
  /** What happens to the processes. */
  const become = (...others: typeof processes) => {
    table = fakeTable(...others);
  };
  return { file, roster, refresh, events, become };
}

describe('the roster', () => {
  it('takes nobody for the consumer of a foreign line who has its PID later', async (t) => {
    const { file, roster, refresh, events, become } = given(t, { pid: 10, blocksBoth: false });
    writeFileSync(file, '10\n# a remark\n');
    await refresh();
    assert.deepEqual(
      roster.all.map(({ key }) => key),
      ['10:500'],
    );
    become({ pid: 10, start: 501, blocksBoth: false });
    await refresh();
    await refresh();
    assert.deepEqual(roster.all, []);
    assert.ok(events.includes('10:500 ended'));
    assert.equal(readFileSync(file, 'utf8'), '# a remark\n', 'its line is gone');

    appendFileSync(file, '10\n');
    await refresh();
    assert.deepEqual(
      roster.all.map(({ key }) => key),
      ['10:501'],
      'a new line is a new consumer',
    );
  });

  it('knows what a consumer holds that leaves the file and comes back', async (t) => {
    const { file, roster, refresh } = given(t, { pid: 10 });
    writeFileSync(file, '10 start=500 jobs=2\n');
    await refresh();
    roster.get('10:500')?.inFlight.set(77, unsettled);
    writeFileSync(file, '');
    await refresh();
    assert.equal(roster.free(0).length, 0, 'gets nothing new');
    writeFileSync(file, '10 start=500 jobs=3 queues=other\n');
    await refresh();
    const [consumer, ...more] = roster.all;
    assert.deepEqual(more, []);
    assert.equal(consumer?.inFlight.get(77), unsettled);
    assert.deepEqual([consumer?.jobs, consumer?.queues], [3, ['other']]);
  });
});
