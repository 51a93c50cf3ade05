/** `sigmq listen`, `sigmq send --pid`, and their recordings. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { processTable } from '../../src/registry/process-table.ts';
import { DIST, type Program, type RunOptions, Stage, stateOf, until } from './harness.ts';

const PLAIN = { env: { SIGMQ_PLAIN: '1' } };

/** A program that listens, and its PID; the runtime directory does not exist. */
async function listening(t: TestContext, args: readonly string[] = [], options?: RunOptions) {
  const stage = new Stage(t);
  const listener = stage.sigmq(['listen', ...args], options);
  await listener.says(/process \d+ listens/);
  return { stage, listener, pid: String(listener.pid) };
}

/** Types a byte by hand: each bit is a kill(1) of its own, and is seen to arrive before the next. */
async function typed(listener: Program, bytes: readonly number[]): Promise<void> {
  for (const byte of bytes) {
    for (let n = 0; n < 8; n++) {
      const before = listener.lines.length;
      execFileSync('/bin/kill', [(byte >> n) & 1 ? '-USR2' : '-USR1', String(listener.pid)]);
      await until('the bit', () => listener.lines.length > before);
    }
  }
}

describe('sigmq listen', () => {
  it('prints what echo peers send, whole, and confirms it', async (t) => {
    const { stage, listener, pid } = await listening(t);
    const { code, stderr, stdout } = await stage.send(['--pid', pid, '--trace', 'hello', 'größer']);
    assert.equal(code, 0, stderr);
    assert.match(stdout.toString(), /"h" +0x68 .*========\n/);
    await stage.sent(['--pid', pid, '--lines', '-'], { stdin: 'one\ntwo\n' });
    await stage.sent(['--pid', pid, '-'], { stdin: Uint8Array.of(1, 0, 2) });
    await listener.printed(4);
    assert.deepEqual(listener.stdout, Buffer.from('hello größer\none\ntwo\n\x01\0\x02\n'));
    assert.equal(existsSync(stage.path('consumers.txt')), false, 'it registers nothing');
    listener.signal('SIGINT');
    assert.equal((await listener.ended).signal, 'SIGINT');
  });

  it('puts the bits together that a person types, and tells of each', async (t) => {
    const { listener } = await listening(t, ['--json']);
    await typed(listener, [0x68, 0x69, 0]);
    const lines = (await listener.printed(25)).map((line) => JSON.parse(line));
    const bits = lines.filter(({ signal }) => signal);
    assert.equal(bits.length, 24);
    const [first, , , fourth] = bits;
    assert.match(first.time, /^\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z$/);
    const { time: _, pid: by, program: __, ...said } = fourth;
    assert.ok(by > 0);
    assert.deepEqual(said, {
      ...{ signal: 'SIGUSR2', what: 'bit', peer: 'plain' },
      ...{ position: 3, bit: 1, weight: 8, byte: 8 },
    });
    assert.equal(bits.at(-1).end, true);
    assert.equal(lines.find(({ message }) => message)?.message, 'hi');
  });

  it('is the server of a program that sends the other way, and waits for answers', async (t) => {
    const acks = ['--ack-bit', 'usr1', '--ack-message', 'usr2'];
    const coding = ['--order', 'msb', '--one', 'usr1'];
    const { stage, listener, pid } = await listening(t, [...coding, ...acks]);
    const args = [pid, 'héllo', 'msb', 'usr1'];
    const client = stage.fixture('minitalk.py', args, { stdin: 'open' });
    assert.deepEqual(await listener.printed(1), ['héllo']);
    // By now it has been answered as often as it will be.
    client.child.stdin?.end();
    const { stdout, stderr } = await client.ended;
    assert.equal(stdout.toString(), 'got 55 1\n', stderr);
  });

  it('answers nobody who would die of it, and says so', async (t) => {
    const { listener, stage } = await listening(t, ['--ack-bit', 'same', '--json']);
    const script = `import os, signal; os.kill(${listener.pid}, signal.SIGUSR1); print("alive", flush=True); signal.pause()`;
    const sender = stage.script(`exec python3 -c '${script}'`);
    await listener.says(/No acknowledgement: Process \d+ neither catches nor blocks/);
    await sender.printed(1);
    assert.match(stateOf(sender.pid) ?? 'gone', /[SR]/);
    assert.equal(JSON.parse(listener.lines[0] ?? '').what, 'bit');
  });

  it('is named, and no broker, when it takes nothing in time', async (t) => {
    const { stage, listener, pid } = await listening(t);
    listener.signal('SIGSTOP');
    const { code, stderr } = await stage.send(['--pid', pid, '--timeout', '300ms', 'hello']);
    listener.signal('SIGCONT');
    assert.equal(code, 124, stderr);
    const why = `Process ${pid} has not taken the message within 300 ms: it is stopped`;
    assert.match(stderr, new RegExp(`${why}\\. Continue it .*kill -CONT ${pid}`));
  });

  it('ends after one message, with --once; prints bytes as they come, with --raw', async (t) => {
    const { stage, listener, pid } = await listening(t, ['--once', '--raw']);
    await stage.sent(['--pid', pid, 'hello']);
    const { code, stdout } = await listener.ended;
    assert.equal(code, 0);
    assert.equal(stdout.toString(), 'hello');
  });

  it('receives without the addon, as a plain peer', async (t) => {
    const coding = ['--order', 'msb', '--one', 'usr1'];
    const { stage, listener, pid } = await listening(t, coding, PLAIN);
    const { code, stderr } = await stage.send(['--pid', pid, ...coding, 'hello']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /is a plain peer: it confirms nothing/);
    assert.deepEqual(await listener.printed(1), ['hello']);
    const acks = await stage.sigmq(['listen', '--ack-bit', 'same'], PLAIN).ended;
    assert.equal(acks.code, 69);
    assert.match(acks.stderr, /not known who sends/);
  });

  it('prints a message once that is sent again, and takes no settlements', async (t) => {
    const { stage, listener, pid } = await listening(t);
    // A broker may be told of it, as of any consumer.
    await stage.broker(['--memory']);
    appendFileSync(stage.path('consumers.txt'), `${pid}\n`);
    await stage.sent(['hello']);
    assert.deepEqual(await listener.printed(1), ['hello']);
    await until('the delivery to be done', async () => {
      const { stdout } = await stage.sigmq(['ls', '--json']).ended;
      return !/"(ready|reserved)":[1-9]/.test(stdout.toString());
    });
    const { code, stderr } = await stage.send(['--pid', pid, 'hello']);
    assert.equal(code, 64);
    assert.match(stderr, /is a consumer of the broker of/);
  });
});

describe('sigmq send --pid', () => {
  it('signals nobody who does not expect it', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker(['--memory']);
    const stranger = stage.stranger();
    const refused = async (pid: number, exit: number, why: RegExp, ...more: string[]) => {
      const { code, stderr } = await stage.send(['--pid', String(pid), ...more, 'hello']);
      assert.match(stderr, why);
      assert.equal(code, exit, stderr);
    };
    await refused(stranger.pid, 69, /neither catches nor blocks/);
    assert.match(stateOf(stranger.pid) ?? 'gone', /[SR]/);
    await refused(broker.pid, 64, /is the broker of .*\n?.*sigmq send --dir/);
    // Wherever the sender believes to be.
    await refused(broker.pid, 64, /is the broker of/, '--dir', stage.path('other'));
    await refused(1, 69, /first process of the system|belongs to another user/);
    await refused(2 ** 31, 64, /whole number from 1/);
    await refused(broker.pid, 64, /--priority is for a broker/, '--priority', '3');
    const tmuxLike = ['HUP', 'TERM', 'CHLD', 'USR1', 'USR2'].map((name) => `signal.SIG${name}`);
    const script = `import signal\nfor s in [${tmuxLike}]: signal.signal(s, lambda number, _: print("hit", number, flush=True))\nprint("ready", flush=True)\nwhile True: signal.pause()`;
    const server = stage.script('exec python3 -c "$P"', [], { env: { P: script } });
    await server.printed(1);
    await refused(server.pid, 69, /catches SIGHUP, SIGTERM and SIGCHLD/);
    // The first one that comes.
    server.signal('SIGHUP');
    assert.deepEqual(await server.printed(2), ['ready', 'hit 1']);
    server.signal('SIGKILL');
    const { code, stderr } = await stage.send(['--order', 'msb', 'hello']);
    assert.equal(code, 64, stderr);
  });

  it('says that a process ended, or stands still', async (t) => {
    const { stage, listener, pid } = await listening(t);
    listener.signal('SIGSTOP');
    await until('the stop', () => stateOf(listener.pid) === 'T');
    const late = await stage.send(['--pid', pid, '--timeout', '1s', 'hello']);
    assert.equal(late.code, 124, late.stderr);
    listener.signal('SIGCONT');
    await stage.sent(['--pid', pid, 'again']);
    await until('the message', () => listener.lines.includes('again'));
  });
});

describe('a recording', () => {
  it('is the same transfer from both ends, as text and as a picture', async (t) => {
    const stage = new Stage(t);
    const files = ['in.vcd', 'in.svg', 'out.vcd', 'out.svg'].map((name) => stage.path(name));
    const [inVcd = '', inSvg = '', outVcd = '', outSvg = ''] = files;
    const listener = stage.sigmq(['listen', '--once', '--vcd', inVcd, '--svg', inSvg]);
    await listener.says(/process \d+ listens/);
    await stage.sent(['--pid', String(listener.pid), '--vcd', outVcd, '--svg', outSvg, 'hi']);
    await listener.ended;
    // More than its 80 bits if it was tried again.
    for (const path of [inVcd, outVcd]) {
      const { stdout, code } = await stage.sigmq(['scope', '--scale', '1000000', path]).ended;
      assert.equal(code, 0);
      assert.match(stdout.toString(), /^\d+ signals (of|to) process \d+ in /);
      const bits = readFileSync(path, 'latin1').match(/^1[ab]$/gm) ?? [];
      assert.ok(bits.length >= 80, `${bits.length} bits`);
    }
    for (const svg of [inSvg, outSvg]) assert.match(readFileSync(svg, 'utf8'), />'h'<[\s\S]*>'i'</);
    const drawn = await stage.sigmq(['scope', outVcd, '--svg', stage.path('again.svg')]).ended;
    assert.equal(drawn.code, 0, drawn.stderr);
    assert.match(stage.read('again.svg'), />'h'</);
  });

  it('is whole when the terminal is closed', async (t) => {
    const stage = new Stage(t);
    const svg = stage.path('a.svg');
    const command = [process.execPath, join(DIST, 'bin/sigmq.js'), 'listen', '--svg', svg];
    const env = { TERM: 'screen' };
    const terminal = stage.fixture('terminal.py', command, { stdin: 'open', env });
    await terminal.says(/ready \d+/);
    const pid = /ready (\d+)/.exec(terminal.stderr)?.[1] ?? '';
    await until('the listener', () => processTable().read(Number(pid))?.blocksBoth);
    await stage.sent(['--pid', pid, 'hi']);
    terminal.child.stdin?.end('\n');
    await terminal.ended;
    assert.match(readFileSync(svg, 'utf8'), />'h'</);
  });

  it('that cannot be written keeps the message from being sent', async (t) => {
    const { stage, listener, pid } = await listening(t);
    const { code, stderr } = await stage.send(['--pid', pid, '--vcd', '/nowhere/x.vcd', 'hello']);
    assert.equal(code, 73);
    assert.match(stderr, /Cannot write \/nowhere\/x\.vcd/);
    assert.equal(listener.stdout.length, 0);
    writeFileSync(stage.path('kept.svg'), 'kept');
    const kept = await stage.send(['--pid', pid, '--svg', stage.path('kept.svg'), 'hello']);
    assert.deepEqual([kept.code, stage.read('kept.svg')], [73, 'kept'], kept.stderr);
    assert.equal(listener.stdout.length, 0);
    await stage.sent(['--pid', pid, '--svg', stage.path('kept.svg'), '--force', 'hello']);
    assert.match(stage.read('kept.svg'), /^<svg/);
    const none = await stage.sigmq(['scope', stage.path('none.vcd')]).ended;
    assert.equal(none.code, 65);
    assert.match(none.stderr, /no such file/);
  });
});
