import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findBroker, inspectBroker } from '../../src/registry/broker-file.ts';
import type { ProcessTable } from '../../src/registry/process-info.ts';
import { linuxProcessTable } from '../../src/registry/process-table.ts';
import { blocker, catcher, gonePid, registry, startModule, stranger, tempDir } from './children.ts';
import { fakeTable, SELF, UID } from './fake-table.ts';

const PID = 5000;
const write = (dir: string, name: string, text: string) => writeFileSync(join(dir, name), text);

function refusal(dir: string, table: ProcessTable): string {
  const found = inspectBroker(dir, table);
  assert.ok(!found.ok, 'a broker was found');
  assert.equal(found.error.exitCode, 69);
  assert.equal(found.error.code, 'no-broker');
  assert.match(found.error.message, /^[^.].*\.$/s);
  assert.ok(found.error.hint.length > 10);
  assert.throws(() => findBroker(dir, table), { message: found.error.message, exitCode: 69 });
  return found.error.message;
}

describe('findBroker', () => {
  it('says that there is none', (t) => {
    assert.match(refusal(tempDir(t), fakeTable()), /^No broker is running in /);
    assert.match(refusal(join(tempDir(t), 'missing'), fakeTable()), /^No broker is running in /);
  });

  for (const junk of ['', '\n', '0\n', '-7\n', 'x', '\0\xff', '9'.repeat(1 << 20)]) {
    it(`says that ${JSON.stringify(junk.slice(0, 20))} is no PID`, (t) => {
      const dir = tempDir(t);
      write(dir, 'broker.pid', junk);
      assert.match(refusal(dir, fakeTable()), /broker\.pid does not start with a PID/);
    });
  }

  const unfit = [
    { name: 'is this process', pid: SELF, is: {}, sentence: /this process itself/ },
    { name: 'is gone', pid: 6000, is: {}, sentence: /6000 is no longer running/ },
    { name: 'is a zombie', pid: PID, is: { state: 'Z' }, sentence: /5000 is no longer running/ },
    {
      name: 'is of another user',
      pid: PID,
      is: { uid: UID + 1 },
      sentence: /belongs to another user/,
    },
    {
      name: 'has a recycled PID',
      pid: PID,
      is: { start: 501 },
      sentence: /now belongs to a different process/,
    },
    {
      name: 'would be killed',
      pid: PID,
      is: { blocksBoth: false, catchesBoth: false },
      sentence: /kill it/,
    },
  ];
  for (const { name, pid, is, sentence } of unfit) {
    it(`refuses one that ${name}`, (t) => {
      const dir = tempDir(t);
      write(dir, 'broker.pid', `${pid}\n`);
      write(dir, 'broker.json', JSON.stringify({ pid, start: 500, maxMessageBytes: 10 }));
      assert.match(refusal(dir, fakeTable({ pid: PID, ...is })), sentence);
    });
  }

  it('finds a sigmq broker and its limit', (t) => {
    const dir = tempDir(t);
    write(dir, 'broker.pid', `${PID}\n`);
    const info = { pid: PID, start: 500, maxMessageBytes: 10, version: 'x', accepts: 'batch,x' };
    write(dir, 'broker.json', JSON.stringify(info));
    const expected = {
      ok: true,
      pid: PID,
      kind: 'echo',
      start: 500,
      ...{ maxMessageBytes: 10, incarnation: undefined, accepts: 'batch,x', saysPlain: false },
    };
    assert.deepEqual(inspectBroker(dir, fakeTable({ pid: PID })), expected);
  });

  const jsons = [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"pid":"5000"}',
    '{"pid":5000,"start":-1}',
    '{"pid":5001,"start":1}',
  ];
  for (const json of [...jsons, ' '.repeat(1 << 20)]) {
    it(`finds a foreign broker beside a broker.json of ${JSON.stringify(json.slice(0, 30))}`, (t) => {
      const dir = tempDir(t);
      write(dir, 'broker.pid', `${PID}`);
      write(dir, 'broker.json', json);
      const { pid, maxMessageBytes } = findBroker(dir, fakeTable({ pid: PID }));
      assert.deepEqual({ pid, maxMessageBytes }, { pid: PID, maxMessageBytes: undefined });
    });
  }

  it('finds real foreign brokers', async (t) => {
    const dir = tempDir(t);
    for (const [child, kind] of [
      [await catcher(t), 'plain'],
      [await blocker(t), 'echo'],
    ] as const) {
      write(dir, 'broker.pid', `${child.pid}\n`);
      const found = findBroker(dir, linuxProcessTable);
      assert.equal(found.pid, child.pid);
      assert.equal(found.kind, kind);
      assert.equal(found.start, linuxProcessTable.read(child.pid)?.start);
    }
  });

  it('takes nobody for it while a sigmq broker has yet to write its PID over an earlier one', async (t) => {
    const dir = tempDir(t);
    const stranger = await catcher(t);
    const broker = await blocker(t);
    const start = linuxProcessTable.read(broker.pid)?.start;
    write(dir, 'broker.pid', `${stranger.pid}\n`);
    assert.equal(findBroker(dir, linuxProcessTable).pid, stranger.pid, 'or it would prove nothing');
    write(dir, 'broker.json', JSON.stringify({ pid: broker.pid, start }));
    assert.match(refusal(dir, linuxProcessTable), /^No broker is running in /);
    write(dir, 'broker.pid', `${broker.pid}\n`);
    assert.equal(findBroker(dir, linuxProcessTable).pid, broker.pid);
    write(dir, 'broker.json', JSON.stringify({ pid: broker.pid, start: 1 }));
    write(dir, 'broker.pid', `${stranger.pid}\n`);
    assert.equal(findBroker(dir, linuxProcessTable).pid, stranger.pid, 'the other one has ended');
  });

  it('takes a process that is younger than a foreign broker.pid for another', async (t) => {
    const dir = tempDir(t);
    write(dir, 'broker.pid', `${(await catcher(t)).pid}\n`);
    const hourAgo = Date.now() / 1000 - 3600;
    utimesSync(join(dir, 'broker.pid'), hourAgo, hourAgo);
    assert.match(refusal(dir, linuxProcessTable), /now belongs to another process: one that/);
  });

  it('spares real strangers', async (t) => {
    const dir = tempDir(t);
    write(dir, 'broker.pid', `${stranger(t).pid}\n`);
    assert.match(refusal(dir, linuxProcessTable), /kill it/);
    write(dir, 'broker.pid', `${await gonePid(t)}\n`);
    assert.match(refusal(dir, linuxProcessTable), /is no longer running/);
    write(dir, 'broker.pid', `${process.pid}\n`);
    assert.match(refusal(dir, linuxProcessTable), /this process itself/);
  });

  it('comes without the lock library, which takes long to load', async (t) => {
    const names = ['broker-file', 'runtime-dir', 'process-table', 'consumers-file', 'vet'];
    const child = startModule(
      t,
      `import { createRequire } from 'node:module';
       ${names.map((name) => `import ${registry(name)};`).join('\n')}
       console.log(Object.keys(createRequire(import.meta.url).cache).join() || 'nothing');`,
    );
    assert.equal(await child.line(), 'nothing');
  });
});
