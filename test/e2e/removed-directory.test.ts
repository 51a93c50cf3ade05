/** Others remove what a broker and a consumer have in their directory: logout, cleaners of /tmp, people. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { Stage, stopped, until } from './harness.ts';

const run = promisify(execFile);

/** A stage whose runtime directory is a folder of its own, which may go. */
function given(t: TestContext) {
  const stage = new Stage(t);
  const dir = stage.path('run');
  const options = { env: { SIGMQ_DIR: dir } };
  return { stage, dir, options };
}

describe('a runtime directory that is removed', () => {
  it('is made again by its broker and its consumer, each with what is its own', async (t) => {
    const { stage, dir, options } = given(t);
    const broker = await stage.broker([], options);
    const consumer = await stage.consumer([], options);
    for (const word of ['one', 'two']) {
      rmSync(dir, { recursive: true });
      await until('both to be back', () => {
        const at = (name: string) =>
          existsSync(join(dir, name)) && readFileSync(join(dir, name), 'utf8');
        return (
          at('broker.pid') === `${broker.pid}\n` &&
          String(at('consumers.txt')).startsWith(`${consumer.pid} `)
        );
      });
      await stage.sent([word], options);
    }
    assert.deepEqual(await consumer.printed(2), ['one', 'two']);
    assert.match(broker.stderr, /run was removed by another program, and made again/);
    assert.equal((await stage.sigmq(['stop'], options).ended).code, 0);
    assert.equal((await broker.ended).code, 0);
  });

  it('may lose consumers.txt only, or broker.pid only', async (t) => {
    const { stage, dir, options } = given(t);
    const broker = await stage.broker([], options);
    const consumer = await stage.consumer([], options);
    unlinkSync(join(dir, 'consumers.txt'));
    await until('the consumer', () => existsSync(join(dir, 'consumers.txt')));
    unlinkSync(join(dir, 'broker.pid'));
    await until('the broker', () => existsSync(join(dir, 'broker.pid')));
    await stage.sent(['x'], options);
    assert.deepEqual(await consumer.printed(1), ['x']);
    await broker.says('Files of this process in');
  });

  it('may have its consumers.txt filled with junk, until that is removed', async (t) => {
    const { stage, dir, options } = given(t);
    await stage.broker([], options);
    const consumer = await stage.consumer([], options);
    const file = join(dir, 'consumers.txt');
    writeFileSync(file, '\n'.repeat(200_000));
    await consumer.says(/over 131072 lines.* Remove the lines .* It is tried again/);
    unlinkSync(file);
    await stage.sent(['x'], options);
    assert.deepEqual(await consumer.printed(1), ['x']);
  });

  it('ends both with a sentence when it cannot be made again', async (t) => {
    const { stage, dir, options } = given(t);
    const broker = await stage.broker([], options);
    const consumer = await stage.consumer([], options);
    rmSync(dir, { recursive: true });
    writeFileSync(dir, 'a file');
    for (const program of [broker, consumer]) {
      assert.equal((await program.ended).code, 73, program.stderr);
      assert.match(program.stderr, /is not a directory/);
    }
  });

  it('ends a broker whose place another one has taken', async (t) => {
    const { stage, dir, options } = given(t);
    const broker = await stage.broker(['--memory'], options);
    await stopped(broker);
    rmSync(dir, { recursive: true });
    const other = await stage.broker(['--memory'], options);
    broker.signal('SIGCONT');
    assert.equal((await broker.ended).code, 78);
    assert.match(broker.stderr, new RegExp(`A broker is already running in .*: PID ${other.pid}`));
    await stage.sent(['x'], options);
  });

  it('is left alone by whoever cleans only what nobody has locked', async (t) => {
    const { stage, dir, options } = given(t);
    await stage.broker([], options);
    // systemd-tmpfiles(8): LOCK_EX | LOCK_NB, and the directory is skipped when that fails.
    const clean = (path: string) => run('flock', ['--exclusive', '--nonblock', path, 'true']);
    await assert.rejects(clean(dir), { code: 1 });
    mkdirSync(stage.path('other'));
    await clean(stage.path('other'));
  });
});

it('a second broker on a store is told the PID of the first', async (t) => {
  const { stage, options } = given(t);
  const data = ['--data', stage.path('data')];
  const broker = await stage.broker(data, options);
  const other = { env: { SIGMQ_DIR: stage.path('other') } };
  const { code, stderr } = await stage.sigmq(['broker', ...data], other).ended;
  assert.equal(code, 78);
  assert.match(stderr, new RegExp(`in use by another broker: PID ${broker.pid}\\.`));
});
