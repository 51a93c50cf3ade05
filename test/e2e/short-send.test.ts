/** A send of a few words goes a way of its own (src/client/short-send.ts). What that cannot do, the command does. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { BusFile, lockOffset } from '../../src/link/bus-record.ts';
import { loadAddon } from '../../src/signals/addon.ts';
import { type Program, ROOT, type RunOptions, Stage, stopped, until } from './harness.ts';

const { addon, why } = loadAddon();
const skip = why ?? false;
const NODE_OPTIONS = `--require ${join(ROOT, 'test/fixtures/loaded.cjs')}`;
/** The most that goes this way, on the wire for some 50 ms. */
const longest = () => randomBytes(3072).toString('base64');

/** `sigmq send` that says what it loads. */
const sending = (stage: Stage, args: readonly string[], { env, ...options }: RunOptions = {}) =>
  stage.sigmq(['send', ...args], { ...options, env: { NODE_OPTIONS, ...env } });

async function bodies(stage: Stage, count: number, queue = 'default'): Promise<string[]> {
  const { stdout } = await stage.sigmq(['consume', '-q', queue, '-c', String(count)]).ended;
  return stdout.toString().split('\n').slice(0, -1);
}

/** A broker that has a message, and its bus. */
async function staged(t: TestContext) {
  const stage = new Stage(t);
  const broker = await stage.broker(['--memory']);
  await stage.sent(['first']);
  const bus = new BusFile(stage.path('bus'));
  t.after(() => bus.close());
  return { stage, broker, bus };
}

/** Waits until it transmits. Afterwards both signals are blocked in it. */
const transmits = (bus: BusFile, { pid }: Program) =>
  until('the bus', () => bus.read().pid === pid);

/** Takes the bus, as a process does that transmits. @returns gives it back */
function hold(bus: BusFile): () => void {
  assert.ok(addon);
  const { generation } = bus.read();
  const renew = () => bus.write({ generation, pid: process.pid, stamp: addon.monotonic() });
  assert.equal(addon.lock(bus.fd, lockOffset(generation), 1), 0);
  renew();
  const timer = setInterval(renew, 50);
  return () => {
    clearInterval(timer);
    addon.lock(bus.fd, lockOffset(generation), 0);
  };
}

describe('a short send', { skip }, () => {
  it('loads nothing else', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    const long = longest();
    for (const args of [
      ['hello'],
      ['two', 'words'],
      ['größer 信号 🚦'],
      [long],
      ['-q', 'mail', 'x'],
    ]) {
      const { code, stderr } = await sending(stage, args).ended;
      assert.deepEqual([code, stderr], [0, 'loads short-send\n']);
    }
    assert.deepEqual(await bodies(stage, 4), ['hello', 'two words', 'größer 信号 🚦', long]);
    assert.deepEqual(await bodies(stage, 1, 'mail'), ['x']);
  });

  it('ends at once, with 0, when nobody looks at how it ends', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    const { code, signal, stderr } = await stage.send(['x'], { env: { NODE_V8_COVERAGE: '' } });
    assert.deepEqual([code, signal, stderr], [0, null, '']);
    assert.deepEqual(await bodies(stage, 1), ['x']);
  });

  it('leaves to the command what it does not know, and what is wrong', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory', '--max-messages', '5']);
    const config = stage.path('config');
    mkdirSync(join(config, 'sigmq'), { recursive: true });
    writeFileSync(join(config, 'sigmq/config.json'), '{"send":{"queue":"other"}}');
    const cases: [args: string[], options: RunOptions, code: number, says: RegExp][] = [
      [['a'.repeat(4097)], {}, 0, /^$/],
      [['-'], { stdin: 'b' }, 0, /^$/],
      [['--priority', '1', 'c'], {}, 0, /^$/],
      [['d'], { env: { XDG_CONFIG_HOME: config } }, 0, /^$/],
      [['e'], { env: { SIGMQ_PLAIN: '1' } }, 0, /plain peer/],
      [['f'], {}, 75, /full/],
      [[''], {}, 65, /empty/],
      [['-q', 'no queue', 'g'], {}, 64, /queue/],
      [['--dir', '/nonexistent', 'h'], {}, 69, /No broker/],
    ];
    for (const [args, options, code, says] of cases) {
      const ended = await sending(stage, args, options).ended;
      const said = ended.stderr.replace(/^loads .*\n/gm, '');
      assert.match(ended.stderr, /^(loads short-send\n)?loads send-command\n/);
      assert.match(said, says, args.join(' '));
      assert.equal(ended.code, code, `${args.join(' ')}: ${said}`);
    }
    assert.deepEqual(await bodies(stage, 1, 'other'), ['d']);
    const got = await bodies(stage, 4);
    assert.deepEqual(got.sort(), ['a'.repeat(4097), 'b', 'c', 'e']);
  });

  it('is not even tried with other options', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    for (const args of [['--priority=1', 'a'], ['-'], ['b', '--ttl', '1h']]) {
      const { code, stderr } = await sending(stage, args, { stdin: 'c' }).ended;
      assert.deepEqual([code, stderr], [0, 'loads send-command\nloads send\n']);
    }
  });

  it('stands in line for the bus', async (t) => {
    const { stage, bus } = await staged(t);
    const release = hold(bus);
    const send = sending(stage, ['second']);
    await until('it in line', () => readdirSync(stage.path('bus.wait')).length === 1);
    release();
    assert.equal((await send.ended).code, 0);
    assert.deepEqual(await bodies(stage, 2), ['first', 'second']);
  });

  it('leaves it to the command to wait longer than that', async (t) => {
    const { stage, bus } = await staged(t);
    const release = hold(bus);
    const send = sending(stage, ['second']);
    await send.says('loads send\n');
    await until('it in line', () => readdirSync(stage.path('bus.wait')).length === 1);
    release();
    assert.equal((await send.ended).code, 0);
    assert.deepEqual(await bodies(stage, 2), ['first', 'second']);
  });
});

describe('a short send that is cut', { skip }, () => {
  it('by a broker that stands still arrives once, by way of the command', async (t) => {
    const { stage, broker, bus } = await staged(t);
    const sent = [longest(), longest(), longest()];
    for (const body of sent) {
      const send = sending(stage, [body]);
      await transmits(bus, send);
      await stopped(broker);
      if (send.lives) await Promise.race([send.says('loads send\n'), send.ended]);
      broker.signal('SIGCONT');
      assert.equal((await send.ended).code, 0, send.stderr);
    }
    await stage.sent(['last']);
    assert.deepEqual(await bodies(stage, 5), ['first', ...sent, 'last']);
    assert.deepEqual(await stage.counts(), {});
  });

  it('by a stop of itself, while another one took the bus, arrives once', async (t) => {
    const { stage, bus } = await staged(t);
    const sent = [longest(), longest(), longest()];
    for (const body of sent) {
      const send = sending(stage, [body]);
      await transmits(bus, send);
      await stopped(send);
      await stage.sent(['between']);
      send.signal('SIGCONT');
      assert.equal((await send.ended).code, 0, send.stderr);
    }
    const got = await bodies(stage, 7);
    assert.deepEqual(
      got.filter((body) => body !== 'between'),
      ['first', ...sent],
    );
    assert.deepEqual(await stage.counts(), {});
  });

  it('by the end of the broker says that there is none', async (t) => {
    const { stage, broker, bus } = await staged(t);
    const send = sending(stage, [longest()]);
    await transmits(bus, send);
    await stopped(broker);
    broker.signal('SIGKILL');
    const { code, stderr } = await send.ended;
    assert.equal(code, 69, stderr);
    assert.match(stderr, /does not name a broker/);
  });

  it('by nobody, whatever signals others send to it', async (t) => {
    const { stage, bus } = await staged(t);
    const body = longest();
    const send = sending(stage, [body]);
    await transmits(bus, send);
    while (send.lives && bus.read().pid === send.pid) {
      process.kill(send.pid, 'SIGUSR1');
      process.kill(send.pid, 'SIGUSR2');
      await new Promise(setImmediate);
    }
    const { code, signal } = await send.ended;
    assert.deepEqual([code, signal], [0, null]);
    assert.deepEqual(await bodies(stage, 2), ['first', body]);
  });
});
