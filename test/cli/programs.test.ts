/** The commands as they are before they are bundled: what they print, and their exit codes. */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { Program, type RunOptions, Stage, until } from '../e2e/harness.ts';

const MAIN = JSON.stringify(new URL('../../src/cli/main.js', import.meta.url).href);
const SIGMQ = JSON.stringify(new URL('../../src/cli/sigmq.js', import.meta.url).href);
/** Runs commands one after the other in one process: most of the time of one goes into starting Node. */
const SOURCE = `import { writeSync } from 'node:fs';
import { run } from ${MAIN};
import { sigmq } from ${SIGMQ};
for (const args of JSON.parse(process.argv[1])) {
  process.argv = ['node', ...args];
  process.exitCode = 0;
  await run(sigmq());
  if (!args.includes('broker')) writeSync(1, '\\0' + process.exitCode + '\\0');
}`;

/** A command line; a string is cut at its spaces. */
type Line = string | readonly string[];

/** One runtime directory, and programs in it. */
function staged(t: TestContext, more: NodeJS.ProcessEnv = {}) {
  const stage = new Stage(t);
  const { dir } = stage;
  const env = { SIGMQ_DIR: dir, XDG_STATE_HOME: stage.path('state'), HOME: dir, ...more };
  const start = (lines: readonly Line[], options: RunOptions = {}) => {
    const args = lines.map((line) => (typeof line === 'string' ? line.split(' ') : line));
    const all = ['--input-type=module', '-e', SOURCE, '--', JSON.stringify(args)];
    return new Program(t, process.execPath, all, { ...options, env });
  };
  /** What each command printed, and its exit code; then what all of them said. */
  const run = async (lines: readonly Line[], options?: RunOptions) => {
    const { stdout, stderr } = await start(lines, options).ended;
    const parts = stdout.toString().split('\0');
    assert.equal(parts.length, lines.length * 2 + 1, `${lines}: ${stderr}`);
    const out = parts.filter((_, n) => n % 2 === 0).slice(0, -1);
    return { out, codes: parts.filter((_, n) => n % 2 === 1).map(Number), stderr };
  };
  const broker = async (line = 'broker --memory') => {
    const program = start([line]);
    await program.says(/broker \d+ runs in/);
    return program;
  };
  return { stage, start, run, broker };
}

describe('sigmq', { concurrency: 2 }, () => {
  it('sends, from each source there is, and consumes in order', async (t) => {
    const { stage, run, broker } = staged(t);
    await broker();
    const [file, lines] = [stage.path('file'), stage.path('lines')];
    writeFileSync(file, 'from a file');
    writeFileSync(lines, 'a\n\nb');
    const { out, codes, stderr } = await run(
      [
        'send -',
        'send two words',
        ['send', '--file', file],
        ['send', '--lines', '--file', lines],
        'send --json x',
        'send --trace h',
        'consume --exit-empty --quiet',
      ],
      { stdin: 'from stdin' },
    );
    assert.deepEqual(codes, Array(7).fill(0), stderr);
    assert.match(stderr, /skipped 1 empty line\./);
    const json = JSON.parse(out[4] ?? '');
    assert.deepEqual([typeof json.id, json.queue, json.bytes], ['number', 'default', 1]);
    assert.match(out[5] ?? '', /^"h" +0x68 .*={8}$/m);
    assert.equal(out[6], 'from stdin\ntwo words\nfrom a file\na\nb\nx\nh\n');
  });

  it('refuses what makes no sense, with the code for it', async (t) => {
    const { stage, run, broker } = staged(t);
    await broker();
    const cases: [Line, number][] = [
      ['send --lines x', 64],
      ['send --lines --null -', 64],
      ['send --file x y', 64],
      [['send', ''], 65],
      ['send --timeout soon x', 64],
      [['send', '--file', stage.path('missing')], 65],
      ['send --file /dev/zero', 65],
      ['consume --raw --json', 64],
      ['consume --format %x', 64],
      ['consume -c 1 -e --quiet', 75],
      ['consume -W 10ms --quiet', 124],
      ['purge', 64],
      ['dead show 1', 65],
      ['sedn', 64],
    ];
    const { codes, stderr } = await run(cases.map(([line]) => line));
    assert.deepEqual(
      codes,
      cases.map(([, code]) => code),
      stderr,
    );
    assert.match(stderr, /Did you mean send/);
  });

  it('runs a command for each message', async (t) => {
    const { run, broker } = staged(t);
    await broker();
    const { out, codes, stderr } = await run([
      'send a',
      'send b',
      'consume -c 1 -- cat',
      'consume -c 1 -- no-such-command',
      'consume -c 1 -- true',
    ]);
    assert.deepEqual(codes, [0, 0, 0, 127, 0], stderr);
    assert.equal(out[2], 'a');
  });

  it('consumes until it is interrupted', async (t) => {
    const { start, run, broker } = staged(t);
    const running = await broker('broker --memory --log-format json --log-level debug');
    const consumer = start(['consume']);
    await consumer.says('waits for messages');
    const long = 'x'.repeat(10_000); // more than a pipe surely takes at once
    await run([['send', long]]);
    assert.deepEqual(await consumer.printed(1), [long]);
    // Ctrl-C ends a consumer as it ends other programs, so that loops of a shell end too.
    consumer.signal('SIGINT');
    assert.equal((await consumer.ended).signal, 'SIGINT');
    running.signal('SIGINT');
    assert.equal((await running.ended).code, 0);
    for (const line of running.stderr.trim().split('\n')) JSON.parse(line);
  });

  it('looks at queues and changes them, with a broker and on its store', async (t) => {
    const { start, run, broker } = staged(t);
    const running = await broker('broker --max-attempts 1');
    const consumer = start(['consume -q other']);
    await consumer.says('waits for messages');
    const first = await run([
      'send a',
      'send b',
      'send -q dying x',
      'consume -q dying -c 1 -- false',
      'status',
      'status --json',
      'dead ls -q dying --json',
      'dead ls -q dying',
      'pause',
      'ls',
      'resume',
    ]);
    assert.deepEqual(first.codes, Array(11).fill(0), first.stderr);
    for (const word of [`${running.pid}`, `${consumer.pid}`, 'queue.db', 'dying']) {
      assert.ok(first.out[4]?.includes(word), `${word} in ${first.out[4]}`);
    }
    assert.equal(JSON.parse(first.out[5] ?? '').pid, running.pid);
    const { id } = JSON.parse(first.out[6] ?? '');
    assert.match(first.out[7] ?? '', new RegExp(`^ *${id} +dead .* x$`, 'm'));
    assert.match(first.out[9] ?? '', /^default +2 .*paused$/m);

    const second = await run([
      `dead show -q dying --body ${id}`,
      `dead kick -q dying ${id}`,
      'dead rm -q dying --force',
      'stop',
    ]);
    assert.deepEqual(second.codes, [0, 0, 0, 0], second.stderr);
    assert.deepEqual(second.out, ['x', '1 ready again\n', '0 removed\n', '']);
    assert.equal((await running.ended).code, 0);

    const third = await run([
      'status',
      'peek -c 1',
      'peek --json',
      'purge --force -s ready',
      'ls --json',
    ]);
    assert.deepEqual(third.codes, [69, 0, 0, 0, 0], third.stderr);
    assert.match(third.out[1] ?? '', /ready .* a\n$/);
    const { body, base64 } = JSON.parse(third.out[2]?.split('\n')[0] ?? '');
    assert.deepEqual([body, base64], ['YQ==', true]);
    assert.equal(third.out[3], '2 removed\n');
    assert.equal(JSON.parse(third.out[4]?.split('\n')[0] ?? '').queue, 'dying');
  });

  it('drains', async (t) => {
    const { run, broker } = staged(t);
    const running = await broker();
    assert.deepEqual((await run(['drain'])).codes, [0]);
    assert.equal((await running.ended).code, 0);
    assert.match(running.stderr, /Drained/);
  });

  it('finds out what is wrong, and cleans up', async (t) => {
    const { stage, run, broker } = staged(t);
    const running = await broker();
    assert.match((await run(['doctor'])).out[0] ?? '', /ok +A broker is running/);
    running.signal('SIGKILL');
    await running.ended;
    appendFileSync(stage.path('consumers.txt'), `junk\n${running.pid}\n`);
    const { out, codes } = await run([
      'doctor',
      'doctor --clean',
      'doctor',
      ['doctor', '--dir', stage.path('missing')],
    ]);
    assert.deepEqual(codes, [0, 0, 0, 0]);
    assert.match(out[0] ?? '', /note +.*doctor --clean. removes the file/);
    assert.match(out[0] ?? '', /1 lines that name no process/);
    assert.match(out[1] ?? '', /Removed 1 lines of dead consumers/);
    assert.match(out[2] ?? '', /note +No broker is running/);
    assert.match(out[3] ?? '', /does not exist yet; the first broker makes it/);
    assert.equal(stage.read('consumers.txt'), 'junk\n');
  });

  it('works without the addon, as a plain peer, and says so', async (t) => {
    const { start, run, broker } = staged(t, { SIGMQ_PLAIN: '1' });
    const running = await broker();
    assert.match(running.stderr, /running as a plain peer/);
    const consumer = start(['consume']);
    await consumer.says('waits for messages');
    await consumer.says('running as a plain peer');
    const { out, codes, stderr } = await run(
      ['send -', 'send hi', 'send --priority 1 x', 'status', 'doctor'],
      { stdin: 'a\0b' },
    );
    assert.deepEqual(codes, [65, 0, 65, 69, 1], stderr);
    assert.match(stderr, /running as a plain peer/);
    assert.match(out[4] ?? '', /bad +No addon \(SIGMQ_PLAIN=1 is set\)/);
    // Without echoes, a busy machine may lose a bit, and with it the message.
    await until('the message', async () => {
      if (!consumer.lines.includes('hi')) await run(['send hi']);
      return consumer.lines.includes('hi');
    });
  });

  it('completes', async (t) => {
    const { out } = await staged(t).run(['completion bash', 'completion fish']);
    assert.match(out[0] ?? '', /complete -o default -F _sigmq sigmq/);
    assert.match(out[1] ?? '', /-a consume/);
  });
});
