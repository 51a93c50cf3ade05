import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type ChangesNote, changesOf } from '../../../src/changes.ts';
import { act } from '../../../src/cli/top/actions.ts';
import { Watch } from '../../../src/cli/top/watch.ts';
import { SigmqError } from '../../../src/errors.ts';
import type { Stored } from '../../../src/queue/inspection.ts';
import { tempDir } from '../../registry/children.ts';
import { fakeTable } from '../../registry/fake-table.ts';
import { consumer } from './fakes.ts';

const AWAY = new SigmqError('store-away', 75, 'It is away.', 'Wait.');

/** A broker that tells these, one after the other. */
function given(t: TestContext, told: readonly (Partial<ChangesNote> | Error)[]) {
  const left = [...told];
  const asked: (number | undefined)[] = [];
  const changes = async (since?: number) => {
    asked.push(since);
    const next = left.shift() ?? {};
    if (next instanceof Error) throw next;
    return changesOf({ since: 1, now: 1000, ...next });
  };
  const watch = new Watch({ changes }, tempDir(t), fakeTable({ pid: 7 }), 1000);
  t.after(() => watch.close());
  return { watch, asked };
}

describe('Watch', () => {
  it('asks what has changed since the last time, until it was all', async (t) => {
    const row = (name: string) => [name, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    const { watch, asked } = given(t, [
      { since: 5, all: true, more: true, queues: [row('a')] },
      { since: 6, queues: [row('b')] },
      { since: 7, now: 2000, consumers: [[7, 0, 1, 'a', 0, 0, '', 0]] },
    ]);
    await watch.ask();
    await watch.ask();
    assert.deepEqual(asked, [undefined, 5, 6]);
    const { queues, consumers, upMs, pid, trouble } = watch.snapshot();
    assert.deepEqual(
      queues.map(({ queue, rates }) => [queue, rates.done]),
      [
        ['a', 0],
        ['b', 0],
      ],
    );
    assert.deepEqual([consumers.length, upMs, pid, trouble], [1, 2000, undefined, undefined]);
    assert.equal(watch.restMs, 1000);
  });

  it('goes on with what it knows while there is no answer', async (t) => {
    const { watch } = given(t, [{ draining: true }, AWAY, {}]);
    await watch.ask();
    await watch.ask();
    const { trouble, isDraining } = watch.snapshot();
    assert.deepEqual([trouble, isDraining], ['It is away.', true]);
    await watch.ask();
    assert.equal(watch.snapshot().trouble, undefined);
  });

  it('fails when there never was one, and at a bug', async (t) => {
    await assert.rejects(given(t, [AWAY]).watch.ask(), { code: 'store-away' });
    const { watch } = given(t, [{}, new TypeError('a bug')]);
    await watch.ask();
    await assert.rejects(watch.ask(), TypeError);
  });
});

describe('act', () => {
  const MESSAGE: Stored = {
    ...{ id: 9, queue: 'mail', body: Buffer.from('a letter'), headers: [], attempt: 2 },
    ...{ releases: 0, delivery: 1, enqueuedAt: 0, state: 'reserved', priority: 0, bytes: 8 },
  };
  const done: unknown[] = [];
  const broker = {
    pause: async (...args: unknown[]) => void done.push(args),
    kick: async (queue: string) => queue.length,
    peek: async (queue: string) => (queue === 'mail' ? [MESSAGE] : []),
    find: async (id: number) => (id === 9 ? MESSAGE : undefined),
  };
  const consumers = [consumer(71, { id: 9, holding: 1 }), consumer(72)];

  it('pauses and resumes', async () => {
    const pause = { kind: 'pause', queue: 'q', paused: true } as const;
    assert.deepEqual(await act(pause, broker, []), { notice: 'q is paused.' });
    const resumed = await act({ ...pause, paused: false }, broker, []);
    assert.deepEqual(resumed, { notice: 'q is not paused.' });
    assert.deepEqual(done, [
      ['q', true],
      ['q', false],
    ]);
  });

  it('kicks', async () => {
    const { notice } = await act({ kind: 'kick', queue: 'mail' }, broker, []);
    assert.equal(notice, '4 messages are ready again.');
  });

  it('looks into a queue', async () => {
    const { page } = await act({ kind: 'peek', queue: 'mail' }, broker, []);
    assert.equal(page?.title, 'Messages of mail');
    assert.match(page?.lines.join('\n') ?? '', /^ID .*\n *9 +reserved .*a letter$/);
    const empty = await act({ kind: 'peek', queue: 'other' }, broker, []);
    assert.deepEqual(empty.page?.lines, ['none']);
  });

  it('looks at a consumer, and at what it has', async () => {
    const shown = async (pid: number, id: number) =>
      act({ kind: 'show', pid, id }, broker, consumers);
    const busy = (await shown(71, 9)).page?.lines.join('\n') ?? '';
    assert.match(busy, /^command {3}\.\/work\n.*9 of mail, attempt 2, 8 bytes\nbody +a letter$/s);
    assert.match((await shown(72, 0)).page?.lines.at(-1) ?? '', /none now/);
    const command = 'a\n\x1b[2J';
    const { page } = await act({ kind: 'show', pid: 74, id: 0 }, broker, [
      consumer(74, { command }),
    ]);
    assert.equal(page?.lines[0], 'command   a\\n\\x1b[2J');
    assert.deepEqual(await shown(73, 0), { notice: 'Consumer 73 has left.' });
  });
});
