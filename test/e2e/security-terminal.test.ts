/** Text of messages, files and arguments never commands a terminal (docs/security.md). */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DIST, Program, Stage } from './harness.ts';

/** Retitles the terminal, clears it, C1 control sequence introducer, right-to-left override. */
const EVIL = 'a\x1b]0;title\x07\x1b[2J\u009b31m\u202eb';
const SHOWN = 'a\\x1b]0;title\\x07\\x1b[2J\\x9b31m\\u202eb';
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
const CONTROL = /[\x01-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\u0080-\u009f\u202e]|\x1b(?!\[\d*m)/;

const quoted = (word: string) => `'${word.replaceAll("'", "'\\\\''")}'`;

/** Runs sigmq with stdout and stderr at a terminal. */
async function atTerminal(t: TestContext, stage: Stage, ...args: string[]): Promise<string> {
  const command = [process.execPath, join(DIST, 'bin/sigmq.js'), ...args].map(quoted).join(' ');
  const env = { SIGMQ_DIR: stage.dir, XDG_STATE_HOME: stage.path('state'), TERM: 'xterm' };
  const { stdout } = await new Program(t, 'script', ['-qec', command, '/dev/null'], { env }).ended;
  const text = stdout.toString();
  assert.doesNotMatch(text, CONTROL, args.join(' '));
  return text;
}

async function staged(t: TestContext, ...args: string[]): Promise<Stage> {
  const stage = new Stage(t);
  await stage.broker(args);
  return stage;
}

describe('escape sequences in a message', () => {
  for (const args of [[], ['-0'], ['-F', '%p'], ['-F', '%h{x}']]) {
    it(`are shown escaped at a terminal: consume ${args.join(' ')}`, async (t) => {
      const stage = await staged(t);
      await stage.sent(['-H', `x:${EVIL}`, EVIL]);
      const text = (await atTerminal(t, stage, 'consume', '-c1', '--quiet', ...args)).replace(
        '\0',
        '',
      );
      assert.ok(text.includes(SHOWN), text);
    });
  }

  it('are shown escaped at a terminal: peek, dead ls, dead show', async (t) => {
    const stage = await staged(t, '--max-attempts', '1');
    await stage.sent(['-H', `x:${EVIL}`, EVIL]);
    assert.match(await atTerminal(t, stage, 'peek'), /a\\x1b/);
    await stage.sigmq(['consume', '-c1', '--', 'false']).ended;
    assert.match(await atTerminal(t, stage, 'dead', 'ls'), /a\\x1b/);
    const { stdout } = await stage.sigmq(['dead', 'ls', '--json']).ended;
    const id = String(JSON.parse(stdout.toString()).id);
    assert.ok((await atTerminal(t, stage, 'dead', 'show', id)).includes(SHOWN));
    await atTerminal(t, stage, 'peek', '--json');
  });

  it('are as they were in a pipe, and escaped in JSON', async (t) => {
    const stage = await staged(t);
    for (let n = 0; n < 3; n++) await stage.sent(['-H', `x:${EVIL}`, EVIL]);
    const out = async (...args: string[]) =>
      (await stage.sigmq(['consume', '-c1', '--quiet', ...args]).ended).stdout.toString();
    assert.equal(await out(), `${EVIL}\n`);
    assert.equal(await out('-F', '%h{x}'), EVIL);
    const json = await out('--json');
    assert.doesNotMatch(json, CONTROL);
    assert.deepEqual([JSON.parse(json).body, JSON.parse(json).headers.x], [EVIL, EVIL]);
  });
});

describe('escape sequences elsewhere', () => {
  it('in consumers.txt are shown escaped by status and by the log', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const consumer = await stage.consumer();
    const lines = `\x1b]0;x\x07\n\x9b31m\n${consumer.pid} queues=%1b%5b31m,%c2%9b\n`;
    appendFileSync(stage.path('consumers.txt'), Buffer.from(lines, 'latin1'));
    await broker.says(/does not start with a PID.*31m/s);
    assert.doesNotMatch(broker.stderr, CONTROL);
    await atTerminal(t, stage, 'status');
    await atTerminal(t, stage, 'doctor');
  });

  it('in arguments and configuration are shown escaped in what is said of them', async (t) => {
    const stage = new Stage(t);
    const commands = [
      ['send', '--delay', EVIL, 'x'],
      ['send', '-q', EVIL, 'x'],
      ['send', '-H', EVIL, 'x'],
      ['send', '-f', EVIL],
      ['send', '--dir', EVIL, 'x'],
      ['consume', '-F', `%z${EVIL}`],
      [`--${EVIL}`],
      [EVIL],
    ];
    for (const args of commands) {
      const { code, stderr } = await stage.sigmq(args).ended;
      assert.ok([64, 65, 69].includes(code ?? -1), `${code}: ${stderr}`);
      assert.doesNotMatch(stderr, CONTROL, args.join(' '));
    }
    mkdirSync(stage.path('config/sigmq'), { recursive: true });
    writeFileSync(stage.path('config/sigmq/config.json'), JSON.stringify({ delay: EVIL }));
    const env = { XDG_CONFIG_HOME: stage.path('config') };
    const { code, stderr } = await stage.send(['x'], { env });
    assert.equal(code, 78, stderr);
    assert.doesNotMatch(stderr, CONTROL);
  });
});

describe('a reader that went away', () => {
  it('is no crash of doctor, of --help, or of a broker whose log it was', async (t) => {
    const stage = new Stage(t);
    const sigmq = `${process.execPath} ${join(DIST, 'bin/sigmq.js')}`;
    const env = { SIGMQ_DIR: stage.dir, XDG_STATE_HOME: stage.path('state') };
    for (const command of ['doctor', '--help', 'completion bash']) {
      const { stderr } = await new Program(t, 'sh', ['-c', `${sigmq} ${command} | true`], { env })
        .ended;
      assert.equal(stderr, '', command);
    }
    const broker = await stage.broker();
    broker.child.stderr?.destroy();
    appendFileSync(stage.path('consumers.txt'), 'junk\n');
    const consumer = await stage.consumer();
    await stage.sent(['still there']);
    assert.deepEqual(await consumer.printed(1), ['still there']);
  });
});
