import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { knownSize, readWhole, records } from '../../src/cli/input.ts';
import { tempDir } from '../registry/children.ts';

function fileOf(t: TestContext, content: string): string {
  const path = join(tempDir(t), 'file');
  writeFileSync(path, content);
  return path;
}

/** A FIFO into which another process writes. */
function fifoOf(t: TestContext, content: string): string {
  const path = join(tempDir(t), 'fifo');
  execFileSync('mkfifo', [path]);
  const writer = spawn('sh', ['-c', 'printf %s "$1" > "$2"', 'sh', content, path]);
  t.after(() => writer.kill());
  return path;
}

async function all(path: string, max = 100, end = 10): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of records(path, end, max)) found.push(...batch.map(String));
  return found;
}

describe('readWhole', () => {
  it('reads a file, and a FIFO', async (t) => {
    assert.equal((await readWhole(fileOf(t, 'hi\n'), 100)).toString(), 'hi\n');
    assert.equal((await readWhole(fifoOf(t, 'hi'), 100)).toString(), 'hi');
    assert.equal((await readWhole('/dev/null', 100)).length, 0);
  });

  it('reads a file of several chunks', async (t) => {
    const text = 'x'.repeat(200_000);
    assert.equal((await readWhole(fileOf(t, text), 1e6)).toString(), text);
  });

  it('stops soon after what is too much', async () => {
    const { length } = await readWhole('/dev/zero', 100_000);
    assert.ok(length > 100_000 && length <= 200_000, `read ${length}`);
  });

  it('says what it cannot read', async (t) => {
    for (const path of [join(tempDir(t), 'missing'), tempDir(t)]) {
      await assert.rejects(readWhole(path, 1), { code: 'cannot-read', exitCode: 65 });
    }
  });
});

describe('the reason of a signal', () => {
  it('ends the wait for who never writes, and for who never ends', async (t) => {
    const path = join(tempDir(t), 'fifo');
    execFileSync('mkfifo', [path]);
    const reason = new Error('enough');
    for (const begun of [false, true]) {
      const controller = new AbortController();
      const reading = assert.rejects(readWhole(path, 100, controller.signal), reason);
      const writer = begun ? await open(path, 'w') : undefined;
      await writer?.write('a part');
      controller.abort(reason);
      await reading;
      await writer?.close();
    }
    await assert.rejects(readWhole(path, 100, AbortSignal.abort(reason)), reason);
    await assert.rejects(async () => {
      for await (const _ of records(path, 10, 100, AbortSignal.timeout(1)));
    }, /timeout/);
  });
});

describe('knownSize', () => {
  it('is that of a file, and of nothing else', (t) => {
    assert.equal(knownSize(fileOf(t, 'four')), 4);
    assert.equal(knownSize('/dev/null'), undefined);
    assert.throws(() => knownSize(join(tempDir(t), 'missing')), { code: 'cannot-read' });
  });
});

describe('records', () => {
  it('are lines without their end; the last may lack it', async (t) => {
    assert.deepEqual(await all(fileOf(t, 'a\nb\n')), ['a', 'b']);
    assert.deepEqual(await all(fileOf(t, 'a\n\nb')), ['a', '', 'b']);
    assert.deepEqual(await all(fileOf(t, '')), []);
    assert.deepEqual(await all(fifoOf(t, 'a\nb')), ['a', 'b']);
  });

  it('end in another byte when that is asked for', async (t) => {
    assert.deepEqual(await all(fileOf(t, 'a\nb\0c'), 100, 0), ['a\nb', 'c']);
  });

  it('go over the edges of chunks', async (t) => {
    const lines = Array.from({ length: 30_000 }, (_, n) => `line ${n}`);
    assert.deepEqual(await all(fileOf(t, lines.join('\n'))), lines);
  });

  it('end with one that is too long, cut behind the limit', async (t) => {
    assert.deepEqual(await all(fileOf(t, `ok\n${'x'.repeat(50)}`), 10), ['ok', 'x'.repeat(11)]);
    assert.deepEqual(await all('/dev/zero', 10), ['\0'.repeat(11)]);
  });

  it('say what cannot be read', async (t) => {
    await assert.rejects(all(join(tempDir(t), 'missing')), { code: 'cannot-read' });
  });
});
