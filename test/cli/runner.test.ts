import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Runner } from '../../src/cli/runner.ts';
import { tempDir, until } from '../registry/children.ts';
import { messageOf } from './fakes.ts';

/** A runner of a shell script, and the codes for which it gave up. */
function given(script: string, ...args: string[]) {
  const hopeless: number[] = [];
  const runner = new Runner(['sh', '-c', script, 'sh', ...args], (code) => hopeless.push(code));
  return { runner, hopeless };
}

describe('Runner', () => {
  it('gives the body on stdin, and the rest in the environment', async (t) => {
    const path = join(tempDir(t), 'out');
    const { runner } = given(
      '(cat; echo; echo "$SIGMQ_ID $SIGMQ_QUEUE $SIGMQ_ATTEMPT $SIGMQ_HEADER_X_KIND") > "$1"',
      path,
    );
    await runner.run(messageOf('größer', { headers: [['x-kind', 'a b']] }));
    assert.equal(readFileSync(path, 'utf8'), 'größer\n7 q 2 a b\n');
    await runner.run(messageOf('plain', { id: undefined }));
    assert.equal(readFileSync(path, 'utf8'), 'plain\n q 2 \n');
  });

  it('does not mind a command that does not read', async () => {
    await given('exit 0').runner.run(messageOf('x'.repeat(1e6)));
  });

  const ends: [script: string, message: RegExp, settle: string | undefined][] = [
    ['exit 1', /^sh ended with 1\.$/, undefined],
    ['exit 65', /rejected it for good/, 'dead'],
    ['kill -9 $$', /^sh ended with SIGKILL\.$/, undefined],
    ['exit 127', /cannot be run/, 'release'],
    ['exit 126', /cannot be run/, 'release'],
  ];
  for (const [script, message, settle] of ends) {
    it(`${script}: ${settle ?? 'failed'}`, async () => {
      const { runner, hopeless } = given(script);
      await assert.rejects(runner.run(messageOf('x')), { message, settle });
      assert.deepEqual(hopeless, settle === 'release' ? [Number(script.slice(5))] : []);
    });
  }

  it('brings a message again after exit 75, without a pause when it is stopping', async () => {
    const { runner } = given('exit 75');
    runner.stopping();
    const since = performance.now();
    await assert.rejects(runner.run(messageOf('x')), {
      message: /wants it again/,
      settle: 'release',
    });
    assert.ok(performance.now() - since < 900);
  });

  it('tells a command that is not there from one that is none', async (t) => {
    const path = join(tempDir(t), 'text');
    writeFileSync(path, 'text');
    for (const [command, code] of [
      [join(tempDir(t), 'missing'), 127],
      [path, 126],
    ] as const) {
      const hopeless: number[] = [];
      const runner = new Runner([command], (code) => hopeless.push(code));
      await assert.rejects(runner.run(messageOf('x')), { settle: 'release' });
      assert.deepEqual(hopeless, [code]);
    }
  });

  it('ends what runs, with its children', async (t) => {
    const path = join(tempDir(t), 'pid');
    const { runner } = given('sleep 600 & echo $! > "$1.tmp"; mv "$1.tmp" "$1"; wait', path);
    const running = runner.run(messageOf('x'));
    const ended = assert.rejects(running, { message: 'sh ended with SIGTERM.' });
    const childPid = await new Promise<number>((resolve) => {
      void until(() => {
        try {
          resolve(Number(readFileSync(path, 'utf8')));
          return true;
        } catch {
          return false;
        }
      });
    });
    runner.kill();
    await ended;
    await until(() => {
      try {
        return /\) [ZX]/.test(readFileSync(`/proc/${childPid}/stat`, 'latin1'));
      } catch {
        return true;
      }
    });
  });
});
