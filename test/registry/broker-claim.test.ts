import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { claimBroker } from '../../src/registry/broker-claim.ts';
import { findBroker, readBrokerJson } from '../../src/registry/broker-file.ts';
import { linuxProcessTable } from '../../src/registry/process-table.ts';
import {
  blocker,
  type Child,
  catcher,
  gonePid,
  registry,
  startModule,
  stranger,
  tempDir,
} from './children.ts';
import { fakeTable, SELF } from './fake-table.ts';

const PID = 5000;
const INFO = { maxMessageBytes: 1000, version: '0.1.0' };
const read = (dir: string, name: string) => readFileSync(join(dir, name), 'utf8');
const write = (dir: string, name: string, text: string) => writeFileSync(join(dir, name), text);

/** Claims when its stdin gets a line, says how it went, releases when it ends. */
function claimer(t: TestContext, dir: string): Child {
  return startModule(
    t,
    `import { once } from 'node:events';
     import { claimBroker } from ${registry('broker-claim')};
     import { linuxProcessTable } from ${registry('process-table')};
     for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => {});
     console.log('ready');
     await once(process.stdin, 'data');
     try {
       const claim = await claimBroker(process.argv[1], ${JSON.stringify(INFO)}, linuxProcessTable);
       process.stdin.on('end', () => claim.release());
       console.log('won');
     } catch (error) {
       console.log(error.code);
     }`,
    dir,
  );
}

describe('claimBroker', () => {
  it('writes both files for the owner only, and removes them', async (t) => {
    const dir = tempDir(t);
    const claim = await claimBroker(dir, INFO, fakeTable());
    assert.equal(read(dir, 'broker.pid'), `${SELF}\n`);
    assert.deepEqual(readBrokerJson(dir), { pid: SELF, start: 500, ...INFO });
    for (const name of ['broker.pid', 'broker.json'])
      assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(dir).sort(), ['broker.json', 'broker.pid']);
    claim.release();
    assert.deepEqual(readdirSync(dir), []);
    claim.release();
  });

  it('leaves what is not its own any more', async (t) => {
    const dir = tempDir(t);
    const claim = await claimBroker(dir, INFO, fakeTable());
    write(dir, 'broker.pid', '77\n');
    write(dir, 'broker.json', JSON.stringify({ pid: SELF, start: 501 }));
    claim.release();
    assert.deepEqual(readdirSync(dir).sort(), ['broker.json', 'broker.pid']);
  });

  const live = [
    { name: 'a broker', is: {}, json: true },
    { name: 'a broker that is stopped', is: { state: 'T' }, json: true },
    {
      name: 'a broker that just does not block',
      is: { blocksBoth: false, catchesBoth: false },
      json: true,
    },
    { name: 'a foreign broker', is: { blocksBoth: false, start: 0 }, json: false },
  ];
  for (const { name, is, json } of live) {
    it(`refuses the directory of ${name}`, async (t) => {
      const dir = tempDir(t);
      write(dir, 'broker.pid', `${PID}\n`);
      if (json) write(dir, 'broker.json', JSON.stringify({ pid: PID, start: 500 }));
      const expected = {
        code: 'broker-runs',
        exitCode: 78,
        message: /PID 5000/,
        hint: /kill 5000.*--dir/,
      };
      await assert.rejects(claimBroker(dir, INFO, fakeTable({ pid: PID, ...is })), expected);
      assert.equal(read(dir, 'broker.pid'), `${PID}\n`);
    });
  }

  it('refuses a second claim of the same process', async (t) => {
    const dir = tempDir(t);
    await claimBroker(dir, INFO, fakeTable());
    await assert.rejects(claimBroker(dir, INFO, fakeTable()), { code: 'broker-runs' });
  });

  const stale = [
    { name: 'gone', is: { state: 'Z' } },
    { name: 'recycled', is: { start: 501 } },
    { name: 'of another user by now', is: { uid: 1 } },
  ];
  for (const { name, is } of stale) {
    it(`replaces a broker that is ${name}`, async (t) => {
      const dir = tempDir(t);
      write(dir, 'broker.pid', `${PID}\n`);
      write(dir, 'broker.json', JSON.stringify({ pid: PID, start: 500 }));
      await claimBroker(dir, INFO, fakeTable({ pid: PID, ...is }));
      assert.equal(read(dir, 'broker.pid'), `${SELF}\n`);
    });
  }

  it('replaces junk, and names of real processes that are no brokers', async (t) => {
    const dir = tempDir(t);
    for (const text of ['junk', '0\n', `${await gonePid(t)}\n`, `${stranger(t).pid}\n`]) {
      write(dir, 'broker.pid', text);
      (await claimBroker(dir, INFO, linuxProcessTable)).release();
    }
  });

  it('refuses real foreign brokers', async (t) => {
    const dir = tempDir(t);
    for (const child of [await catcher(t), await blocker(t)]) {
      write(dir, 'broker.pid', `${child.pid}\n`);
      await assert.rejects(claimBroker(dir, INFO, linuxProcessTable), { code: 'broker-runs' });
    }
  });

  it('says that a directory cannot be written', async (t) => {
    const dir = join(tempDir(t), 'missing');
    await assert.rejects(claimBroker(dir, INFO, fakeTable()), {
      code: 'cannot-write',
      exitCode: 73,
    });
  });

  it('lets exactly one of many win, and the next one after a SIGKILL at once', async (t) => {
    const dir = tempDir(t);
    write(dir, 'broker.pid', `${await gonePid(t)}\n`);
    // A lock that a killed process left, too.
    mkdirSync(join(dir, 'broker.pid.lock'));
    const hourAgo = Date.now() / 1000 - 3600;
    utimesSync(join(dir, 'broker.pid.lock'), hourAgo, hourAgo);
    const claimers = Array.from({ length: 8 }, () => claimer(t, dir));
    for (const child of claimers) assert.equal(await child.line(), 'ready');
    for (const child of claimers) child.say('go\n');
    const results = await Promise.all(claimers.map((child) => child.line()));
    const winner = claimers[results.indexOf('won')];
    assert.ok(winner);
    assert.deepEqual(
      results.filter((result) => result !== 'won'),
      Array(7).fill('broker-runs'),
    );
    assert.equal(findBroker(dir, linuxProcessTable).pid, winner.pid);

    await winner.kill('SIGKILL');
    assert.equal(read(dir, 'broker.pid'), `${winner.pid}\n`);
    const next = claimer(t, dir);
    assert.equal(await next.line(), 'ready');
    next.say('go\n');
    assert.equal(await next.line(), 'won');
    assert.equal(findBroker(dir, linuxProcessTable).pid, next.pid);
    next.process.stdin?.end();
    assert.equal(await next.exited, 0);
    assert.deepEqual(readdirSync(dir), []);
  });
});
