/** The store on its disk: full, given back, copied, moved. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import { SmallDisk } from '../queue/small-disk.ts';
import { Stage, text, until } from './harness.ts';

const run = (stage: Stage, ...args: string[]) => stage.sigmq(args).ended;

async function out(stage: Stage, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(stage, ...args);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

/** A store with messages of 500 bytes in it, before there is a broker. */
async function fill(folder: string, count: number): Promise<void> {
  const store = SqliteStore.open(folder, DEFAULT_POLICY, 'never');
  for (let n = 0; n < count; n += 100) {
    await store.publish(
      Array.from({ length: 100 }, (_, i) => ({
        queue: 'default',
        body: Buffer.from(text(n + i, 400)),
        priority: 0,
      })),
    );
  }
  await store.close();
}

const bytesOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

describe('a disk that is full', () => {
  it('stops producers with 75, not consumers; a moment after there is room all goes on', async (t) => {
    const disk = SmallDisk.mount(t, '8m');
    if (!disk) return;
    const stage = new Stage(t);
    const folder = join(disk.path, 'store');
    await fill(folder, 100);
    const broker = await stage.broker(['--data', folder]);
    disk.fill();
    const worker = await stage.consumer([
      '-c',
      '20',
      '-j',
      '2',
      '--',
      'sh',
      '-c',
      'cat >/dev/null',
    ]);
    assert.equal((await worker.ended).code, 0);
    disk.fill();
    // What fits into the room that others have left in the file is still taken.
    const refused = await until('a refusal', async () => {
      const ended = await stage.send(['-q', 'more', text(1, 3000)]);
      return /disk is full/.test(ended.stderr) && ended;
    });
    assert.equal(refused.code, 75, refused.stderr);
    assert.match(refused.stderr, /doctor/);
    const printer = await stage.consumer(['-c', '30']);
    assert.equal((await printer.ended).code, 0);
    await out(stage, 'pause', 'default');
    await out(stage, 'resume', 'default');
    assert.equal(await out(stage, 'purge', '--force'), '50 removed\n');
    disk.empty();
    await until('room', async () => (await stage.send(['hello'])).code === 0);
    assert.ok(broker.lives);
    assert.match((await broker.end()).stderr, /full/);
  });

  it('keeps nobody from starting a broker, and doctor says what is the matter', async (t) => {
    const disk = SmallDisk.mount(t, '8m');
    if (!disk) return;
    const stage = new Stage(t);
    const folder = join(disk.path, 'store');
    const first = await stage.broker(['--data', folder]);
    await stage.sent(['hello']);
    await first.end();
    disk.fill();
    await stage.broker(['--data', folder]);
    const { stdout } = await run(stage, 'doctor');
    assert.match(stdout.toString(), /note +The reserve .* KiB of 1\.0 MiB.* refused/);
    const consumer = await stage.consumer(['-c', '1']);
    assert.equal((await consumer.ended).stdout.toString(), 'hello\n');
    assert.equal((await stage.send(['no'])).code, 75);
  });
});

describe('room on the disk', () => {
  it('comes back when a queue is purged while the broker runs', async (t) => {
    const stage = new Stage(t);
    const folder = stage.path('store');
    await fill(folder, 10_000);
    const file = join(folder, 'queue.db');
    assert.ok(bytesOf(file) > 4 << 20);
    await stage.broker(['--data', folder]);
    await out(stage, 'purge', '--force');
    await until(
      () => `${bytesOf(file)} and ${bytesOf(`${file}-wal`)} bytes to go`,
      () => bytesOf(file) + bytesOf(`${file}-wal`) < 1 << 20,
    );
    await stage.sent(['hello']);
    assert.match(await out(stage, 'ls'), /default +1 /);
  });
});

describe('a copy', () => {
  it('takes the place of no device, pipe or directory', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const pipe = stage.path('pipe');
    execFileSync('mkfifo', [pipe]);
    for (const target of [pipe, stage.dir]) {
      for (const command of ['backup', 'export']) {
        const { code, stderr } = await run(stage, command, target, '--force');
        assert.deepEqual([code, /is not a regular file/.test(stderr)], [73, true], stderr);
      }
    }
    assert.ok(statSync(pipe).isFIFO());
  });
});

describe('backup', () => {
  const restored = async (t: TestContext, copy: string) => {
    const stage = new Stage(t);
    const folder = stage.path('restored');
    mkdirSync(folder, { mode: 0o700 });
    copyFileSync(copy, join(folder, 'queue.db'));
    chmodSync(join(folder, 'queue.db'), 0o600);
    await stage.broker(['--data', folder]);
    return stage;
  };

  it('of a running broker has every message; it is restored by putting it in place', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    await stage.sent(['a']);
    await stage.sent(['-q', 'mail', '--delay', '1h', 'b']);
    const copy = stage.path('copy.db');
    const { code, stdout, stderr } = await run(stage, 'backup', copy);
    assert.equal(code, 0, stderr);
    assert.equal(stdout.length, 0);
    assert.match(stderr, /copy\.db: 2 messages, \d+ bytes\./);
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    assert.deepEqual(
      readdirSync(stage.dir).filter((name) => name.startsWith('copy')),
      ['copy.db'],
    );
    await stage.sent(['after']);
    const other = await restored(t, copy);
    const ls = await out(other, 'ls');
    assert.match(ls, /default +1 +0/);
    assert.match(ls, /mail +0 +1/);
    const consumer = await other.consumer(['-c', '1']);
    assert.equal((await consumer.ended).stdout.toString(), 'a\n');
  });

  it('is consistent while messages come and go', async (t) => {
    const stage = new Stage(t);
    const folder = stage.path('store');
    await fill(folder, 5000);
    await stage.broker(['--data', folder]);
    const consumer = await stage.consumer(['-q', 'busy']);
    const lines = Array.from({ length: 500 }, (_, n) => `${n}\n`).join('');
    const sending = stage.send(['-q', 'busy', '--lines'], { stdin: lines });
    await consumer.printed(1);
    for (let n = 0; n < 3; n++) {
      const copy = stage.path(`copy-${n}.db`);
      await out(stage, 'backup', copy);
      const other = await restored(t, copy);
      assert.match(await out(other, 'ls'), /default +5000 /);
    }
    assert.equal((await sending).code, 0);
    await consumer.printed(500);
  });

  it('works without a broker, also when the last one was killed; --data names another store', async (t) => {
    const stage = new Stage(t);
    const none = await run(stage, 'backup', stage.path('none.db'));
    assert.equal(none.code, 69, none.stderr);
    const broker = await stage.broker();
    await stage.sent(['a']);
    broker.signal('SIGKILL');
    await broker.ended;
    const { stderr } = await run(stage, 'backup', stage.path('copy.db'));
    assert.match(stderr, /: 1 message, /);
    const data = stage.path('data');
    await fill(data, 100);
    const there = await run(stage, 'backup', '--data', data, stage.path('other.db'));
    assert.match(there.stderr, /: 100 messages, /);
  });

  it('replaces nothing unless it is told to, and never the store', async (t) => {
    const stage = new Stage(t);
    const folder = stage.path('store');
    await stage.broker(['--data', folder]);
    await stage.sent(['a']);
    const copy = stage.path('copy.db');
    writeFileSync(copy, 'precious');
    const refused = await run(stage, 'backup', copy);
    assert.equal(refused.code, 73);
    assert.match(refused.stderr, /already exists.*--force/);
    assert.equal(readFileSync(copy, 'utf8'), 'precious');
    await out(stage, 'backup', '--force', copy);
    assert.notEqual(readFileSync(copy, 'utf8'), 'precious');
    const own = await run(stage, 'backup', '--force', join(folder, 'queue.db'));
    assert.equal(own.code, 64, own.stderr);
    const nowhere = await run(stage, 'backup', stage.path('no/such/copy.db'));
    assert.equal(nowhere.code, 73, nowhere.stderr);
    assert.match(await out(stage, 'ls'), /default +1 /);
  });

  it('on a disk that is too small leaves nothing behind', async (t) => {
    const disk = SmallDisk.mount(t, '200k');
    if (!disk) return;
    const stage = new Stage(t);
    await fill(stage.path('store'), 1000);
    const file = join(disk.path, 'copy.db');
    const { code, stderr } = await run(stage, 'backup', '--data', stage.path('store'), file);
    assert.equal(code, 73, stderr);
    assert.deepEqual(readdirSync(disk.path), []);
  });

  it('of messages in memory says that there is no file', async (t) => {
    const stage = new Stage(t);
    await stage.broker(['--memory']);
    const { code, stderr } = await run(stage, 'backup', stage.path('copy.db'));
    assert.equal(code, 69);
    assert.match(stderr, /in memory/);
    assert.equal(existsSync(stage.path('copy.db')), false);
  });
});

describe('a store that is moved or deleted under a running broker', () => {
  for (const way of ['deleted', 'moved', 'replaced'] as const) {
    it(`takes no more messages, and all say so: ${way}`, async (t) => {
      const stage = new Stage(t);
      const folder = stage.path('store');
      const file = join(folder, 'queue.db');
      const broker = await stage.broker(['--data', folder]);
      await stage.sent(['a']);
      assert.match(await out(stage, 'doctor'), /queue\.db takes up .* `sigmq backup`/);
      if (way === 'deleted') rmSync(folder, { recursive: true });
      else renameSync(folder, `${folder}.old`);
      if (way === 'replaced') await fill(folder, 100);
      const refused = await stage.send(['b']);
      assert.equal(refused.code, 75, refused.stderr);
      assert.match(refused.stderr, /moved or deleted/);
      await broker.says(/store .*moved or deleted while the broker was running/);
      const doctor = await run(stage, 'doctor');
      assert.match(doctor.stdout.toString(), /bad +The store .* was moved or deleted.* restart/);
      assert.equal(doctor.code, 1);
      const consumer = await stage.consumer(['-c', '1']);
      assert.equal((await consumer.ended).stdout.toString(), 'a\n', 'what it has goes out');
      if (way === 'moved') {
        renameSync(`${folder}.old`, folder);
        await stage.sent(['c']);
        assert.match(await out(stage, 'ls'), /default +1 /);
      }
      assert.equal((await broker.end()).code, 0);
      assert.equal(existsSync(dirname(file)), way !== 'deleted');
      if (way === 'replaced') {
        await stage.broker(['--data', folder]);
        assert.match(await out(stage, 'ls'), /default +100 /);
      }
    });
  }
});

describe('a reserve that cannot be made', () => {
  it('is said by the broker and the doctor', async (t) => {
    const stage = new Stage(t);
    const folder = stage.path('store');
    mkdirSync(join(folder, 'queue.reserve'), { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    const broker = await stage.broker(['--data', folder]);
    assert.match(broker.stderr, /no reserve/);
    await stage.sent(['a']);
    assert.match(await out(stage, 'doctor'), /note +There is no reserve/);
  });
});
