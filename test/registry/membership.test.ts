import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { membershipOf } from '../../src/registry/membership.ts';
import { programName } from '../../src/registry/program-name.ts';
import { gonePid, start, tempDir } from './children.ts';

const PID = process.pid;

it('membershipOf knows a broker and a consumer, also by a directory that they hold open', (t) => {
  const [dir, other] = [tempDir(t), tempDir(t)];
  assert.equal(membershipOf(PID, 7, dir), undefined);
  writeFileSync(join(dir, 'broker.json'), JSON.stringify({ pid: PID, start: 7 }));
  assert.deepEqual(membershipOf(PID, 7, dir), { role: 'broker', dir });
  assert.equal(membershipOf(PID, 8, dir), undefined, 'another process of that PID');
  assert.equal(membershipOf(PID, 7, other), undefined);
  const fd = openSync(dir, 'r');
  assert.deepEqual(membershipOf(PID, 7, other), { role: 'broker', dir });
  closeSync(fd);
  writeFileSync(join(other, 'consumers.txt'), `1\n${PID} start=7\n`);
  assert.deepEqual(membershipOf(PID, 7, other), { role: 'consumer', dir: other });
});

it('programName is that of ps', async (t) => {
  assert.equal(programName(start(t, 'sleep', ['600']).pid)?.slice(0, 5), 'sleep');
  assert.equal(programName(await gonePid(t)), undefined);
});
