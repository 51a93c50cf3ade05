import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { JobStderr } from '../../src/cli/job-stderr.ts';
import { loadAddon } from '../../src/signals/addon.ts';

/** What a shell has said at its end, as it is remembered. */
async function saidBy(script: string, ...args: string[]): Promise<string> {
  const stderr = JobStderr.open() as JobStderr;
  const child = spawn('sh', ['-c', script, 'sh', ...args], {
    stdio: ['ignore', 'ignore', stderr.writer],
  });
  stderr.started();
  await once(child, 'exit');
  return stderr.end();
}

describe('JobStderr', { skip: loadAddon().addon ? false : 'there is no addon' }, () => {
  it('remembers what a command has said, also by way of /dev/stderr', async () => {
    assert.equal(await saidBy('echo one >&2; echo two >/dev/stderr; exit 3'), 'one\ntwo');
    assert.equal(await saidBy('exit 3'), '');
  });

  it('remembers the end of what was too much, in whole characters', async () => {
    const said = await saidBy(
      'i=0; while [ $i -lt 999 ]; do printf "%s" "ü$1" >&2; i=$((i+1)); done',
      'x',
    );
    assert.match(said, /^x?(üx)+$/);
    assert.ok(Buffer.byteLength(said) > 1020 && Buffer.byteLength(said) <= 1024);
  });

  it('does not wait for what a command leaves behind', async () => {
    const said = await saidBy('sleep 60 & echo "$! done" >&2; exit 1');
    const [, pid, word] = /^(\d+) (.*)$/.exec(said) ?? [];
    process.kill(Number(pid));
    assert.equal(word, 'done');
  });
});
