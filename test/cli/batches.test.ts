import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { inputOf, misfitOf, namedIn } from '../../src/cli/batch-input.ts';
import { Batches, type BatchesOptions } from '../../src/cli/batches.ts';
import type { NotDone } from '../../src/cli/job-errors.ts';
import { Runner } from '../../src/cli/runner.ts';
import { tempDir } from '../registry/children.ts';
import { messageOf } from './fakes.ts';

const some = (...bodies: string[]) => bodies.map((body, n) => messageOf(body, { id: n + 1 }));

describe('the input of a batch', () => {
  it('is a line, or a record, for each, with its id if that is to be named', () => {
    const messages = some('a', 'größer', '');
    const text = (isNull: boolean, isPartial: boolean) =>
      inputOf(messages, { isNull, isPartial }).toString();
    assert.equal(text(false, false), 'a\ngrößer\n\n');
    assert.equal(text(true, false), 'a\0größer\0\0');
    assert.equal(text(false, true), '1\ta\n2\tgrößer\n3\t\n');
  });

  it('takes no message that would look like two', () => {
    assert.equal(misfitOf(messageOf('a\nb'), false), 'a newline');
    assert.equal(misfitOf(messageOf('a\nb'), true), undefined);
    assert.equal(misfitOf(messageOf('a\0b'), true), 'a zero byte');
    assert.equal(misfitOf(messageOf('a\0b'), false), undefined);
  });

  it('is named by whole lines, of which others count for nothing', () => {
    const messages = some('a', 'b', 'c');
    const ids = (output: string, isWhole: boolean) => {
      const { named, stranger } = namedIn(Buffer.from(output), messages, isWhole);
      return [[...named].map(({ id }) => id), stranger];
    };
    assert.deepEqual(ids('1\n 3 \r\n\n1\n', true), [[1, 3], undefined]);
    assert.deepEqual(ids('1\n3', true), [[1, 3], undefined]);
    assert.deepEqual(ids('1\n3', false), [[1], undefined], 'it may have meant 31');
    assert.deepEqual(ids('12\nworking on 2\n2\n', true), [[2], '"12"']);
    assert.deepEqual(ids('', true), [[], undefined]);
  });
});

function given(t: TestContext, script: string, more: Partial<BatchesOptions> = {}) {
  const folder = tempDir(t);
  const strangers: string[] = [];
  const runner = new Runner({
    command: ['sh', '-c', script, 'sh', folder],
    folder,
    onHopeless: () => {},
  });
  const batches = new Batches({
    ...{ runner, size: 3, lingerMs: 3_600_000, jobs: 1, isNull: false, isPartial: false },
    onStranger: (sentence) => strangers.push(sentence),
    ...more,
  });
  /** What becomes of each: `done`, or how it ends otherwise. */
  const handle = (messages: readonly ReturnType<typeof messageOf>[]) =>
    Promise.all(
      messages.map((message) =>
        batches.handle(message).then(
          () => 'done',
          ({ ending }: NotDone) => ending,
        ),
      ),
    );
  return { folder, batches, strangers, handle, seen: (name: string) => join(folder, name) };
}

describe('Batches', () => {
  it('run one command for all that are there, and tell it which they are', async (t) => {
    const { handle, seen } = given(
      t,
      'cat > "$1/in"; echo "$SIGMQ_MESSAGE_COUNT:$SIGMQ_MESSAGE_IDS:$SIGMQ_MESSAGE_QUEUE:$SIGMQ_MESSAGE_ID" > "$1/env"',
    );
    assert.deepEqual(await handle(some('a', 'b', 'c')), ['done', 'done', 'done']);
    assert.equal(readFileSync(seen('in'), 'utf8'), 'a\nb\nc\n');
    assert.equal(readFileSync(seen('env'), 'utf8'), '3:1 2 3:q:\n');
  });

  for (const [script, ending] of [
    ['exit 1', 'fail'],
    ['exit 65', 'reject'],
    ['exit 75', 'release'],
    ['kill -9 $$', 'fail'],
  ] as const) {
    it(`${script}: ${ending}, all of them`, async (t) => {
      const { handle } = given(t, script);
      assert.deepEqual(await handle(some('a', 'b', 'c')), [ending, ending, ending]);
    });
  }

  it('leave out one that cannot be on a line of its own', async (t) => {
    const { handle, seen } = given(t, 'cat > "$1/in"');
    const ends = await handle(some('a', 'b\nb', 'c', 'd'));
    assert.deepEqual(ends, ['done', 'fail', 'done', 'done']);
    assert.equal(readFileSync(seen('in'), 'utf8'), 'a\nc\nd\n');
  });

  for (const [script, expected] of [
    ['echo 2; echo 1', ['done', 'done', 'fail']],
    ['echo 2; echo junk; exit 75', ['release', 'done', 'release']],
    ['cut -f1; exit 65', ['done', 'done', 'done']],
    ['echo 2; printf 1; kill -9 $$', ['fail', 'done', 'fail']],
    ['echo 2; yes', ['fail', 'fail', 'fail']],
    [':', ['fail', 'fail', 'fail']],
  ] as const) {
    it(`--partial, ${script}: ${expected.join()}`, async (t) => {
      const { handle, strangers } = given(t, script, { isPartial: true });
      assert.deepEqual(await handle(some('a', 'b', 'c')), expected);
      assert.equal(strangers.length, script.includes('junk') ? 1 : 0);
    });
  }

  it('run so many at a time, and give back what has not begun when they stop', async (t) => {
    const { batches, handle, seen } = given(
      t,
      'read line; echo > "$1/$line"; while [ ! -e "$1/go" ]; do sleep 0.01; done',
      { size: 1, jobs: 2 },
    );
    const ends = handle(some('a', 'b', 'c'));
    await new Promise(setImmediate);
    batches.stop();
    writeFileSync(seen('go'), '');
    assert.deepEqual(await ends, ['done', 'done', 'release now']);
    assert.throws(() => readFileSync(seen('c')));
  });

  it('start with fewer when no more will come', async (t) => {
    const { batches, handle, seen } = given(t, 'cat > "$1/in"');
    const ends = handle(some('a', 'b'));
    batches.hurry();
    assert.deepEqual(await ends, ['done', 'done']);
    assert.equal(readFileSync(seen('in'), 'utf8'), 'a\nb\n');
  });

  it('say of all of them when the command cannot be started', async (t) => {
    const runner = new Runner({
      ...{ command: ['/nowhere/command'], folder: tempDir(t), onHopeless: () => {} },
    });
    const { handle } = given(t, '', { runner });
    assert.deepEqual(await handle(some('a', 'b', 'c')), Array(3).fill('release now'));
  });
});
