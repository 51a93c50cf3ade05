/** What the command line takes as options, and what it says of what it does not take. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DIST, Program, Stage } from './harness.ts';

/** A configuration file; the environment that has it. */
function configured(stage: Stage, content: object): NodeJS.ProcessEnv {
  mkdirSync(stage.path('config/sigmq'), { recursive: true });
  writeFileSync(stage.path('config/sigmq/config.json'), JSON.stringify(content));
  return { XDG_CONFIG_HOME: stage.path('config') };
}

async function refused(t: TestContext, args: readonly string[], sentence: RegExp): Promise<void> {
  const { code, stderr } = await new Stage(t).sigmq(args).ended;
  assert.equal(code, 64, stderr);
  assert.match(stderr, sentence);
}

describe('options', () => {
  it('are refused before a broker is looked for', async (t) => {
    await refused(
      t,
      ['send', '--delay', '1h', '--ttl', '1h', 'x'],
      /would expire before its delay/,
    );
    await refused(t, ['send', '--ttl', '0s', 'x'], /"0s" is too short\. Give a duration longer/);
    await refused(t, ['send', '--ttl', '101y', 'x'], /"101y" is not a duration\. Write it like/);
    await refused(t, ['send', '--delay', '36601d', 'x'], /"36601d" is too long\. The longest/);
    const queues = Array.from({ length: 1001 }, (_, n) => `q${n}`);
    await refused(t, ['consume', '-q', queues.join()], /1001 queues are too many: one consumer/);
    const halves = ['-q', queues.slice(0, 500).join(), '-q', queues.slice(500).join()];
    await refused(t, ['consume', ...halves], /1001 queues are too many/);
    await refused(t, ['consume', '-j', '-3'], /"-3" is not a whole number from 1 to 1000\./);
    await refused(t, ['broker', '--data', ''], /"" is not a path\./);
  });

  it('may be a month, or nothing at all', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory', '--backoff', '0s', '--ack-wait', '30d']);
    await stage.sent(['--delay', '30d', '--ttl', '60d', 'later']);
    await stage.sent(['--delay', '0s', '-W', '1w2d', 'now']);
    const consumer = stage.sigmq(['consume', '-c1', '-W', '30d', '--ack-wait', '1h30m', '--quiet']);
    const { code, stdout, stderr } = await consumer.ended;
    assert.deepEqual([code, stdout.toString(), stderr], [0, 'now\n', '']);
    const { stdout: list } = await stage.sigmq(['ls', '--json']).ended;
    assert.equal(JSON.parse(list.toString()).delayed, 1);
  });

  it('show defaults that they take', async (t) => {
    const { stdout } = await new Stage(t).sigmq(['broker', '--help']).ended;
    for (const [, text = ''] of stdout.toString().matchAll(/\(default: "?([^")]*)"?\)/g)) {
      assert.doesNotMatch(text, /^\d{4}$|^\d{5}$/, text);
    }
    assert.match(stdout.toString(), /--backoff[^()]*\(default: 1s\)/s);
    assert.match(stdout.toString(), /--max-size[^()]*\(64K, 1M\) \(default: 64K\)/s);
  });

  it('keep both headers of one name', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    await stage.sent(['-H', 'k:one', '-H', 'k:two', '--trace', 'x']);
    const source = `import { Consumer } from ${JSON.stringify(join(DIST, 'src/index.js'))};
const consumer = await Consumer.open({ dir: ${JSON.stringify(stage.dir)} });
for await (const message of consumer) {
  console.log(JSON.stringify(message.headers));
  await message.done();
  break;
}`;
    const args = ['--input-type=module', '-e', source];
    const { stdout } = await new Program(t, process.execPath, args).ended;
    assert.deepEqual(JSON.parse(stdout.toString()), [
      ['k', 'one'],
      ['k', 'two'],
    ]);
  });
});

describe('the configuration file', () => {
  it('is warned of when it has a key that nothing reads, unless nobody wants to hear', async (t) => {
    const stage = new Stage(t);
    const env = configured(stage, { qeue: 'q', broker: { memory: true } });
    await stage.broker([], { env });
    const first = await stage.send(['x'], { env });
    assert.equal(first.code, 0);
    assert.match(
      first.stderr,
      /^sigmq: warning: \S+config\.json has "qeue", which is not an option\. Did you mean "queue"\?\n$/,
    );
    const { code, stderr } = await stage.send(['--quiet', 'x'], { env });
    assert.deepEqual([code, stderr], [0, '']);
  });

  it('turns colours off at a terminal', async (t) => {
    const stage = new Stage(t);
    const doctor = async (content: object) => {
      const command = `'${process.execPath}' '${join(DIST, 'bin/sigmq.js')}' doctor`;
      const env = {
        TERM: 'xterm',
        CI: undefined, // a terminal there has no colours
        NO_COLOR: '',
        SIGMQ_DIR: stage.dir,
        ...configured(stage, content),
      };
      const { stdout } = await new Program(t, 'script', ['-qec', command, '/dev/null'], { env })
        .ended;
      return stdout.includes('\x1b[');
    };
    assert.equal(await doctor({}), true);
    assert.equal(await doctor({ 'no-color': true }), false);
  });
});
