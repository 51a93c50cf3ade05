/** Many messages in one frame: who gets which, what comes again when somebody dies, and who waits for whom. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Program, ROOT, Stage, until } from './harness.ts';

const lines = (count: number, word = 'line') =>
  Array.from({ length: count }, (_, n) => `${word} ${n}`);

/** Lines that cannot be packed. */
const odd = (count: number, bytes: number) =>
  lines(count).map((line) => `${line} ${randomBytes(bytes).toString('hex').slice(0, bytes)}`);

async function sendLines(stage: Stage, all: readonly string[], ...args: string[]): Promise<void> {
  await stage.sent(['--lines', ...args], { stdin: all.join('\n') });
}

async function out(stage: Stage, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await stage.sigmq(args).ended;
  assert.equal(code, 0, stderr);
  return stdout.toString();
}

/** What waits while consumers are there: they get it all at once. */
async function heldBack(stage: Stage, work: () => Promise<void>): Promise<void> {
  await out(stage, 'pause', 'default');
  await work();
  await out(stage, 'resume', 'default');
}

/** A consumer of the library that writes what it got, and how often it was tried. */
async function worker(t: TestContext, stage: Stage, options: object): Promise<Program> {
  const script = join(ROOT, 'test/fixtures/worker.mjs');
  const args = [script, stage.dir, JSON.stringify(options)];
  const program = new Program(t, process.execPath, args, { stdin: 'open' });
  await program.says('ready');
  return program;
}

const gotOf = ({ lines }: Program): { text: string; attempt: number }[] =>
  lines.map((line) => JSON.parse(line));

describe('messages that wait', () => {
  it('go to two consumers by turns, three of six to each', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const one = await stage.consumer();
    const two = await stage.consumer();
    await heldBack(stage, () => sendLines(stage, [...'abcdef']));
    await until('six lines', () => one.lines.length + two.lines.length === 6);
    assert.deepEqual([one.lines.join(''), two.lines.join('')].sort(), ['ace', 'bdf']);
  });

  it('are as many as `--count` says, exactly, and the others stay', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    await sendLines(stage, lines(10));
    const both = [1, 2].map(() => stage.sigmq(['consume', '--count', '3']));
    const ended = await Promise.all(both.map((consumer) => consumer.ended));
    for (const { code, stdout, stderr } of ended) {
      assert.equal(code, 0, stderr);
      assert.equal(stdout.toString().split('\n').length, 4);
    }
    const { ready, reserved, delayed } = await stage.counts();
    assert.deepEqual([ready, reserved, delayed], [4, 0, 0]);
    const left = (await out(stage, 'peek', '--json')).trim().split('\n');
    for (const line of left) {
      const { attempt, delivery = 1, releases = 0 } = JSON.parse(line);
      assert.deepEqual([attempt, delivery, releases], [1, 1, 0]);
    }
    const status = JSON.parse(await out(stage, 'status', '--json'));
    assert.deepEqual([status.delivered, status.retried, status.lost], [6, 0, 0]);
    const taken = ended.flatMap(({ stdout }) => stdout.toString().trim().split('\n'));
    assert.deepEqual(taken.sort(), lines(6));
  });

  it('come in the order of their priority, also many at once', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer();
    await sendLines(stage, lines(7, 'quick'));
    await consumer.printed(7);
    await heldBack(stage, async () => {
      await sendLines(stage, lines(20, 'low'));
      await sendLines(stage, lines(20, 'high'), '--priority', '5');
      await sendLines(stage, lines(20, 'middle'), '--priority', '1');
    });
    const all = [...lines(20, 'high'), ...lines(20, 'middle'), ...lines(20, 'low')];
    assert.deepEqual((await consumer.printed(67)).slice(7), all);
  });

  it('come as they are with `--no-compress` at either end', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer(['--no-compress']);
    assert.match(stage.read('consumers.txt'), /\baccepts=batch(\s|$)/m);
    const all = Array.from({ length: 50 }, (_, n) => `${n} ${'größer '.repeat(5)}`);
    await sendLines(stage, all, '--no-compress');
    assert.deepEqual(await consumer.printed(50), all);
    const trace = await stage.send(['--no-compress', '--trace', 'x'.repeat(500)]);
    const packed = await stage.send(['--trace', 'x'.repeat(500)]);
    assert.deepEqual([trace.code, packed.code], [0, 0], trace.stderr);
    assert.ok(
      trace.stdout.length + trace.stderr.length > 2 * (packed.stdout.length + packed.stderr.length),
    );
    await consumer.printed(52);
  });
});

describe('a consumer that is killed', () => {
  it('in the middle of many: what it had not settled comes again, once', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const one = await worker(t, stage, { prefetch: 8 });
    await sendLines(stage, lines(7, 'quick'));
    await one.printed(7);
    await heldBack(stage, () => sendLines(stage, lines(8, 'hang-once')));
    await one.printed(8);
    const { reserved } = await until('all eight to be there', async () => {
      const found = await stage.counts();
      return found.reserved === 8 && found;
    });
    assert.equal(reserved, 8);
    one.signal('SIGKILL');
    const two = await worker(t, stage, { prefetch: 8 });
    await two.printed(8);
    await stage.sent(['end']);
    await until('the end', () => gotOf(two).at(-1)?.text === 'end');
    assert.deepEqual(
      gotOf(two).map(({ text, attempt }) => [text, attempt]),
      [...lines(8, 'hang-once').map((text) => [text, 2]), ['end', 1]],
    );
  });

  it('in the middle of a frame: all of it comes again, once', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const one = await stage.consumer(['-j', '8']);
    const all = odd(8, 230);
    await heldBack(stage, () => sendLines(stage, all));
    await until(
      'the frame to be on its way',
      () => stage.read('bus').length > 0 || one.lines.length > 0,
    );
    one.signal('SIGKILL');
    const { stdout } = await one.ended;
    const before = stdout.toString().split('\n').slice(0, -1);
    const two = await stage.consumer();
    await stage.sent(['end']);
    await until('the end', () => two.lines.at(-1) === 'end');
    const after = two.lines.slice(0, -1);
    assert.deepEqual([...new Set([...before, ...after])].sort(), [...all].sort());
    assert.equal(new Set(after).size, after.length, 'one came twice');
  });
});

describe('a broker that is killed', () => {
  it('in the middle of a frame: none is lost, and none handled twice', async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    const consumer = await stage.consumer(['-j', '8']);
    const all = odd(40, 230);
    await heldBack(stage, () => sendLines(stage, all));
    await until('some to be there', () => consumer.lines.length > 0);
    first.signal('SIGKILL');
    await first.ended;
    await stage.broker();
    await consumer.printed(40);
    await stage.sent(['end']);
    await until('the end', () => consumer.lines.includes('end'));
    assert.deepEqual([...consumer.lines].sort(), [...all, 'end'].sort());
  });

  it('while the consumer works on many: they are not given out again', async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    const one = await worker(t, stage, { prefetch: 8 });
    await sendLines(stage, lines(7, 'quick'));
    await one.printed(7);
    await heldBack(stage, () => sendLines(stage, ['slow', ...lines(7)]));
    await one.printed(8);
    await until('all eight to be there', async () => (await stage.counts()).reserved === 8);
    first.signal('SIGKILL');
    await first.ended;
    one.child.stdin?.write('go on\n'); // it settles while there is no broker
    await one.printed(15);
    await stage.broker();
    await stage.sent(['end']);
    await until('the end', () => gotOf(one).at(-1)?.text === 'end');
    assert.deepEqual(
      gotOf(one)
        .slice(7)
        .map(({ text, attempt }) => [text, attempt]),
      ['slow', ...lines(7), 'end'].map((text) => [text, 1]),
    );
    await until('all to be settled', async () => ((await stage.counts()).reserved ?? 0) === 0);
  });
});

it('a consumer whose reader stops keeps no more from others than it has got', async (t) => {
  const stage = new Stage(t);
  await stage.broker();
  const stuck = await stage.consumer();
  stuck.child.stdout?.pause();
  const large = lines(100).map((line) => `${line} ${'x'.repeat(4000)}`);
  await sendLines(stage, large);
  await until('it to be stuck', async () => {
    const before = await stage.counts();
    const after = await stage.counts();
    return (
      (before.reserved ?? 0) > 0 &&
      before.reserved === after.reserved &&
      after.ready === before.ready
    );
  });
  const other = await stage.consumer();
  await stage.sent(['hello']);
  await until('the others to come', () => other.lines.includes('hello'));
  stuck.child.stdout?.resume();
  await until('all to come', () => stuck.lines.length + other.lines.length === 101);
  assert.equal(new Set([...stuck.lines, ...other.lines]).size, 101);
});

it('a broker with small messages takes many of them', async (t) => {
  const stage = new Stage(t);
  await stage.broker(['--max-size', '100']);
  const consumer = await stage.consumer();
  const all = odd(200, 80);
  await sendLines(stage, all);
  assert.deepEqual(await consumer.printed(200), all);
});
