import assert from 'node:assert/strict';
import { chmodSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Runner, type RunnerOptions } from '../../src/cli/runner.ts';
import type { SigmqError } from '../../src/errors.ts';
import { tempDir, until } from '../registry/children.ts';
import { messageOf } from './fakes.ts';

/** A runner of a command, and the errors for which it gave up. */
function running(t: TestContext, command: readonly string[], more: Partial<RunnerOptions> = {}) {
  const hopeless: SigmqError[] = [];
  const onHopeless = (error: SigmqError) => void hopeless.push(error);
  const runner = new Runner({ command, folder: tempDir(t), onHopeless, ...more });
  return { runner, hopeless };
}

/** As {@link running}, of a shell script. */
const given = (t: TestContext, script: string, ...args: string[]) =>
  running(t, ['sh', '-c', script, 'sh', ...args]);

const contentOf = (path: string) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

describe('Runner', () => {
  it('gives the body on stdin, and the rest in the environment', async (t) => {
    const path = join(tempDir(t), 'out');
    const { runner } = given(
      t,
      '(cat; echo; echo "$SIGMQ_ID $SIGMQ_MESSAGE_QUEUE $SIGMQ_ATTEMPT $SIGMQ_MESSAGE_HEADER_X_KIND") > "$1"',
      path,
    );
    await runner.run(messageOf('größer', { headers: [['x-kind', 'a b']] }));
    assert.equal(readFileSync(path, 'utf8'), 'größer\n7 q 2 a b\n');
    await runner.run(messageOf('plain', { id: undefined }));
    assert.equal(readFileSync(path, 'utf8'), 'plain\n q 2 \n');
  });

  it('does not mind a command that does not read', async (t) => {
    await given(t, 'exit 0').runner.run(messageOf('x'.repeat(1e6)));
  });

  const ends: [script: string, message: RegExp, ending: string][] = [
    ['exit 1', /^sh ended with 1\.$/, 'fail'],
    ['exit 65', /rejected it for good/, 'reject'],
    ['exit 75', /wants it again/, 'release'],
    ['kill -9 $$', /^sh ended with SIGKILL\.$/, 'fail'],
    ['kill -TERM $$', /^sh ended with SIGTERM\.$/, 'fail'],
    ['exit 127', /^sh ended with 127\.$/, 'fail'],
    ['exit 126', /^sh ended with 126\.$/, 'fail'],
    ['exit 143', /^sh ended with 143\.$/, 'fail'],
  ];
  for (const [script, message, ending] of ends) {
    it(`${script}: ${ending}`, async (t) => {
      const { runner, hopeless } = given(t, script);
      await assert.rejects(runner.run(messageOf('x')), { message, ending });
      assert.deepEqual(hopeless, []);
    });
  }

  it('tells a command that is not there from one that is none, and from one without its interpreter', async (t) => {
    const [path, script] = [join(tempDir(t), 'text'), join(tempDir(t), 'script')];
    writeFileSync(path, 'text');
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 });
    for (const [command, exitCode, reason] of [
      ['no-such-command', 127, /no-such-command was not found/],
      [script, 127, /script cannot be started: the interpreter/],
      [path, 126, /text cannot be started: it is not executable/],
    ] as const) {
      const { runner, hopeless } = running(t, [command]);
      await assert.rejects(runner.run(messageOf('x')), { ending: 'release now' });
      assert.equal(hopeless[0]?.exitCode, exitCode);
      assert.match(hopeless[0]?.message ?? '', reason);
    }
  });

  it('waits for a moment for a command that is being written, then gives the message back', async (t) => {
    const path = join(tempDir(t), 'tool');
    writeFileSync(path, '#!/bin/sh\nexit 0\n');
    chmodSync(path, 0o755);
    // Linux looks at who writes a program, not a script: so it is the interpreter.
    const shell = join(tempDir(t), 'sh');
    writeFileSync(shell, readFileSync('/bin/sh'), { mode: 0o755 });
    const writer = openSync(shell, 'r+');
    const { runner, hopeless } = running(t, [shell, path]);
    await assert.rejects(runner.run(messageOf('x')), {
      message: /cannot be started at the moment \(ETXTBSY\)/,
      ending: 'release now',
    });
    const working = runner.run(messageOf('x'));
    closeSync(writer);
    await working;
    assert.deepEqual(hopeless, []);
  });

  it('fails a message whose headers fit in no environment', async (t) => {
    const { runner, hopeless } = given(t, 'exit 0');
    const headers = [['big', 'x'.repeat(200_000)]] as const;
    await assert.rejects(runner.run(messageOf('x', { headers })), {
      message: /headers of the message are too large/,
      ending: 'fail',
    });
    assert.deepEqual(hopeless, []);
    await runner.run(messageOf('x'));
  });

  it('ends a command that takes too long, and says so, whatever it says itself', async (t) => {
    const { runner } = running(t, ['sh', '-c', 'trap "exit 0" TERM; sleep 600 & wait'], {
      timeoutMs: 200,
    });
    await assert.rejects(runner.run(messageOf('x')), {
      message: 'sh took longer than 200 ms (--job-timeout) and was ended.',
      ending: 'fail',
    });
  });

  it('gives back what died of the signal that stops the consumer, whoever hears of it first', async (t) => {
    for (const script of ['kill -TERM $$', 'exit 143', 'sh -c "kill -TERM \\$\\$"; exit $?']) {
      for (const isFirst of [true, false]) {
        const path = join(tempDir(t), 'pid');
        const { runner } = given(t, `echo $$ >"$1"; ${script}`, path);
        if (isFirst) runner.stopping('SIGTERM');
        const running = runner.run(messageOf('x'));
        const given_back = assert.rejects(running, { ending: 'release now', message: /SIGTERM/ });
        if (!isFirst) {
          await until(() => /\n/.test(contentOf(path)));
          await until(() => !existsSync(`/proc/${contentOf(path).trim()}`));
          runner.stopping('SIGTERM');
        }
        await given_back;
      }
    }
  });

  it('has failed when it died of another signal than that which stops the consumer', async (t) => {
    const { runner } = given(t, 'kill -HUP $$');
    runner.stopping('SIGTERM');
    await assert.rejects(runner.run(messageOf('x')), { ending: 'fail' });
    const { runner: noSignal } = given(t, 'kill -TERM $$');
    noSignal.stopping();
    await assert.rejects(noSignal.run(messageOf('x')), { ending: 'fail' });
  });

  it('ends what runs, with its children', async (t) => {
    const path = join(tempDir(t), 'pid');
    const { runner } = given(t, 'sleep 600 & echo $! > "$1.tmp"; mv "$1.tmp" "$1"; wait', path);
    const running = runner.run(messageOf('x'));
    const ended = assert.rejects(running, { message: 'sh ended with SIGTERM.' });
    await until(() => contentOf(path) !== '');
    runner.kill();
    await ended;
    await until(() => /^$|\) [ZX]/.test(contentOf(`/proc/${Number(contentOf(path))}/stat`)));
  });

  it('says where a body has no room, and gives it back', async (t) => {
    const { runner } = running(t, ['true'], { folder: '/no/such/folder' });
    const { runner: lucky } = running(t, ['true']);
    const before = process.env.TMPDIR;
    process.env.TMPDIR = '/no/such/tmp';
    t.after(() => {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    });
    await assert.rejects(runner.run(messageOf('x')), {
      message: /could not be written .*TMPDIR/,
      ending: 'release',
    });
    await lucky.run(messageOf('x')); // the other folder
  });
});
