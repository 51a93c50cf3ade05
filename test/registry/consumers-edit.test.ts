import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  pruneConsumers,
  registerConsumer,
  unregisterConsumer,
} from '../../src/registry/consumers-edit.ts';
import {
  consumersPath,
  MAX_CONSUMERS_BYTES,
  MAX_CONSUMERS_LINES,
  readConsumers,
} from '../../src/registry/consumers-file.ts';
import { portableProcessTable } from '../../src/registry/process-table.ts';
import { registry, start, startModule, tempDir, until } from './children.ts';

/** Shows nothing: the lines of others stay as they are. */
const TABLE = portableProcessTable;

const read = (dir: string) => readFileSync(consumersPath(dir), 'latin1');

/** A directory with a consumers.txt of these bytes. */
function dirWith(t: TestContext, text: string | Uint8Array): string {
  const dir = tempDir(t);
  writeFileSync(consumersPath(dir), text);
  return dir;
}

describe('registerConsumer', () => {
  it('makes the file, for the owner only, and leaves nothing beside it', async (t) => {
    const dir = tempDir(t);
    await registerConsumer(dir, 77, { start: 500 }, TABLE);
    await registerConsumer(dir, 78, {}, TABLE);
    assert.equal(read(dir), '77 start=500\n78\n');
    assert.equal(statSync(consumersPath(dir)).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(dir), ['consumers.txt']);
  });

  it('brings back any value', async (t) => {
    const dir = tempDir(t);
    const attrs = { start: '500', queues: 'größe,a b', odd: '%\n=\0\ud800' };
    await registerConsumer(dir, 77, attrs, TABLE);
    assert.match(read(dir), /^77 start=500 queues=gr%C3%B6%C3%9Fe,a%20b odd=[!-~]+\n$/);
    assert.deepEqual(Object.fromEntries(readConsumers(dir)[0]?.attrs ?? []), {
      ...attrs,
      odd: '%\n=\0\ufffd',
    });
  });

  it('keeps every byte of the lines of others, and ends the last one', async (t) => {
    const others = Buffer.from([
      0x37, 0x38, 0x20, 0xff, 0x00, 0xc3, 0x0d, 0x0a, 0x0a, 0xe9, 0x78, 0x0a, 0x37, 0x39,
    ]);
    const dir = dirWith(t, others);
    await registerConsumer(dir, 77, {}, TABLE);
    assert.equal(read(dir), `${others.toString('latin1')}\n77\n`);
  });

  it('replaces earlier lines of its own PID', async (t) => {
    const dir = dirWith(t, '77 start=400\n78\n77\n');
    await registerConsumer(dir, 77, { start: 500 }, TABLE);
    assert.equal(read(dir), '78\n77 start=500\n');
  });

  for (const [name, text] of [
    ['a file with too many bytes', `78\n${'x'.repeat(MAX_CONSUMERS_BYTES)}`],
    ['a file with too many lines', '78\n'.repeat(MAX_CONSUMERS_LINES + 1)],
    ['a file that the line would make too large', `78 ${'x'.repeat(MAX_CONSUMERS_BYTES - 5)}\n`],
  ] as const) {
    it(`does not touch ${name}`, async (t) => {
      const dir = dirWith(t, text);
      await assert.rejects(registerConsumer(dir, 77, {}, TABLE), {
        code: 'consumers-too-large',
        exitCode: 78,
      });
      assert.equal(read(dir), text);
      assert.deepEqual(readdirSync(dir), ['consumers.txt']);
    });
  }

  it('does not follow a link, nor wait at a FIFO', async (t) => {
    const links = tempDir(t);
    writeFileSync(join(links, 'other'), 'x');
    symlinkSync(join(links, 'other'), consumersPath(links));
    const fifos = tempDir(t);
    execFileSync('mkfifo', [consumersPath(fifos)]);
    const dirs = tempDir(t);
    mkdirSync(consumersPath(dirs));
    for (const dir of [links, fifos, dirs]) {
      await assert.rejects(registerConsumer(dir, 77, {}, TABLE), {
        code: 'not-a-file',
        exitCode: 77,
      });
    }
    assert.equal(readFileSync(join(links, 'other'), 'utf8'), 'x');
  });

  it('takes over the lock of a process that was killed', async (t) => {
    const dir = tempDir(t);
    const lock = `${consumersPath(dir)}.lock`;
    mkdirSync(lock);
    utimesSync(lock, 1, 1);
    await registerConsumer(dir, 77, {}, TABLE);
    assert.equal(read(dir), '77\n');
  });

  it('lets 24 processes register at once', async (t) => {
    const dir = dirWith(t, '78 foreign');
    const children = Array.from({ length: 24 }, () =>
      startModule(
        t,
        `import { once } from 'node:events';
         import { registerConsumer } from ${registry('consumers-edit')};
         import { portableProcessTable } from ${registry('process-table')};
         console.log('ready');
         await once(process.stdin, 'data');
         await registerConsumer(process.argv[1], process.pid, { start: 1 }, portableProcessTable);
         process.exit();`,
        dir,
      ),
    );
    for (const child of children) assert.equal(await child.line(), 'ready');
    for (const child of children) child.say('go\n');
    assert.deepEqual(await Promise.all(children.map((child) => child.exited)), Array(24).fill(0));
    const lines = read(dir).split('\n');
    assert.equal(lines.shift(), '78 foreign');
    assert.equal(lines.pop(), '');
    assert.deepEqual(lines.sort(), children.map(({ pid }) => `${pid} start=1`).sort());
    assert.deepEqual(readdirSync(dir), ['consumers.txt']);
  });
});

describe('who is written down', () => {
  it('is a process, or nobody', async (t) => {
    const dir = tempDir(t);
    await registerConsumer(dir, 77, { start: 500 }, TABLE);
    for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 31, '77' as never, undefined as never]) {
      const refused = { code: 'bad-pid', exitCode: 64, message: /is not a PID\.$/ };
      await assert.rejects(registerConsumer(dir, pid, {}, TABLE), refused);
      await assert.rejects(unregisterConsumer(dir, pid, 0, TABLE), refused);
    }
    for (const start of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e15]) {
      const refused = { code: 'bad-start', exitCode: 64, message: /is not the start time/ };
      await assert.rejects(registerConsumer(dir, 77, { start }, TABLE), refused);
      await assert.rejects(unregisterConsumer(dir, 77, start, TABLE), refused);
    }
    assert.equal(read(dir), '77 start=500\n');
  });
});

describe('unregisterConsumer', () => {
  it('removes its own line only', async (t) => {
    const dir = dirWith(t, '77 start=400\n77 start=500 queues=a\n78 start=500\n77\njunk');
    await unregisterConsumer(dir, 77, 500, TABLE);
    assert.equal(read(dir), '77 start=400\n78 start=500\n77\njunk\n');
    await unregisterConsumer(dir, 77, 0, TABLE);
    assert.equal(read(dir), '78 start=500\njunk\n');
  });

  it('leaves the file alone, or missing, when there is nothing to remove', async (t) => {
    const dir = dirWith(t, '78');
    await unregisterConsumer(dir, 77, 500, TABLE);
    assert.equal(read(dir), '78');
    const empty = tempDir(t);
    await unregisterConsumer(empty, 77, 500, TABLE);
    assert.deepEqual(readdirSync(empty), []);
  });
});

describe('pruneConsumers', () => {
  it('removes what the predicate says, and asks about lines with a PID only', async (t) => {
    const dir = dirWith(t, '77 start=1\njunk\n\n78 foreign\n79');
    const asked = new Set<number | undefined>();
    const gone = await pruneConsumers(
      dir,
      (line) => {
        asked.add(line.pid);
        return line.pid !== 78;
      },
      TABLE,
    );
    assert.deepEqual(
      gone.map((line) => line.raw),
      ['77 start=1', '79'],
    );
    assert.deepEqual(asked, new Set([77, 78, 79]));
    assert.equal(read(dir), 'junk\n\n78 foreign\n');
    assert.deepEqual(await pruneConsumers(dir, (line) => line.pid === 79, TABLE), []);
    assert.deepEqual(await pruneConsumers(tempDir(t), () => true, TABLE), []);
  });
});

describe('foreign appends', () => {
  it('loses none of many that race with edits', async (t) => {
    const dir = tempDir(t);
    const appenders = [1, 2].map((n) =>
      start(t, 'bash', [
        '-c',
        `for i in {1..6000}; do echo "${n}0000$i x" >> "$0"; done; echo done`,
        consumersPath(dir),
      ]),
    );
    let running = appenders.length;
    for (const child of appenders) void child.line().then(() => running--);
    let edits = 0;
    const edit = async (pid: number) => {
      while (running > 0) {
        await registerConsumer(dir, pid, { start: edits++ + 1 }, TABLE);
        await unregisterConsumer(dir, pid, undefined, TABLE);
      }
    };
    await Promise.all([77, 78, 79].map(edit));
    assert.ok(edits > 3);
    const expected = [1, 2].flatMap((n) =>
      Array.from({ length: 6000 }, (_, i) => `${n}0000${i + 1} x`),
    );
    assert.deepEqual(read(dir).trimEnd().split('\n').sort(), expected.sort());
  });

  it('glues none to half a line that is written meanwhile', async (t) => {
    const dir = tempDir(t);
    const appender = start(t, 'bash', [
      '-c',
      `for i in {1..4000}; do echo "1$i x" >> "$0"; printf "2$i x" >> "$0"; echo >> "$0"; done; echo done`,
      consumersPath(dir),
    ]);
    let isRunning = true;
    void appender.line().then(() => {
      isRunning = false;
    });
    const edit = async (pid: number) => {
      while (isRunning) {
        await registerConsumer(dir, pid, {}, TABLE);
        await unregisterConsumer(dir, pid, undefined, TABLE);
      }
    };
    await Promise.all([77, 78, 79].map(edit));
    const expected = Array.from({ length: 4000 }, (_, i) => [`1${i + 1} x`, `2${i + 1} x`]).flat();
    // Where an edit has ended half a line, the newline that its program adds makes an empty one.
    assert.deepEqual(read(dir).split('\n').filter(Boolean).sort(), expected.sort());
  });

  it('saves a line that is written long after the file was replaced', async (t) => {
    const dir = dirWith(t, '78\n');
    const path = consumersPath(dir);
    const slow = start(t, 'bash', [
      '-c',
      'exec 3>>"$0"; echo ready; read; printf "8" >&3; printf 1 >&3; exec 3>&-',
      path,
    ]);
    assert.equal(await slow.line(), 'ready');
    const { ino } = statSync(path);
    const registered = registerConsumer(dir, 77, {}, TABLE);
    await until(() => statSync(path).ino !== ino);
    appendFileSync(path, '79'); // and one in the new file, without its newline
    slow.say('\n');
    await registered;
    assert.equal(read(dir), '78\n77\n79\n81\n');
  });
});
