/** From SQLite to PostgreSQL and back: nothing is lost, and the order stays. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Stored } from '../../src/queue/inspection.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import type { Store } from '../../src/queue/store.ts';
import { Stage } from '../e2e/harness.ts';
import { endAfter } from '../end-after.ts';
import { PostgresServer, withoutPostgres } from './server.ts';

let schemas = 0;
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, n) => n));

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sigmq-transfer-'));
  endAfter(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A store with something of everything in it. */
async function fill(folder: string): Promise<void> {
  const store = SqliteStore.open(folder, { ...DEFAULT_POLICY, maxAttempts: 2 }, 'never');
  const one = { queue: 'default', priority: 0, body: ALL_BYTES };
  const many = Array.from({ length: 700 }, (_, n) => {
    return { ...one, queue: `q${n % 3}`, priority: n % 5, body: Buffer.from(`größer ${n}`) };
  });
  const producer = { process: 'boot:1:2', number: 7 };
  await store.publish([
    ...many,
    {
      ...one,
      headers: [
        ['kind', 'größer'],
        ['kind', '\u{1F6A6}\\"'],
      ],
      producer,
    },
    { ...one, queue: 'later', delayMs: 3_600_000, ttlMs: 7_200_000 },
    { ...one, queue: 'later', delayMs: 1_800_000, asker: '1:2:3 here' },
    { ...one, queue: 'dead', body: new Uint8Array() },
    { ...one, queue: 'dead', body: Buffer.from('tried twice') },
    { ...one, queue: 'held' },
    { ...one, queue: 'own', maxAttempts: 9, backoffMs: 5, deadTo: 'parked' },
    { ...one, queue: 'keyed', key: 'größer 1', keyTtlMs: 60_000 },
    { ...one, queue: 'keyed', key: 'done', keyTtlMs: 86_400_000, priority: 1 },
  ]);
  for (const kind of ['dead', 'lost', 'dead'] as const) {
    const [got] = await store.reserve(['dead'], ['1:1']);
    const outcome = { kind, reason: `${kind} \u{1F6A6}\n` };
    await store.settle([{ id: got?.id ?? 0, outcome }]);
  }
  const [done] = await store.reserve(['keyed'], ['1:1']);
  await store.settle([{ id: done?.id ?? 0, outcome: { kind: 'done' } }]);
  await store.reserve(['held'], ['1:1']);
  await store.pause('q1', true);
  await store.set('q1', { rate: '10/s', jitter: 0.5, deadTo: 'q2' });
  await store.set('unused', { maxMessages: 7 });
  await store.close();
}

/** All messages, without what is new in each store. */
async function contentOf(store: Store) {
  const all: Omit<Stored, 'id'>[] = [];
  for (const { queue } of await store.counts())
    for (const { id: _, ...rest } of await store.peek(queue, { limit: 1e4 })) {
      all.push({ ...rest, body: Buffer.from(rest.body) });
    }
  const asked = await store.asked('1:2:3 here');
  const number = await store.lastNumber('boot:1:2');
  return { all, counts: await store.counts(), number, asked };
}

async function contentIn(folder: string) {
  const store = SqliteStore.open(folder, DEFAULT_POLICY, 'never');
  try {
    return await contentOf(store);
  } finally {
    await store.close();
  }
}

describe('export and import', () => {
  it('copy everything from one file to another; what was held is ready', async (t) => {
    const [from, to] = [folderFor(t), folderFor(t)];
    await fill(from);
    const stage = new Stage(t);
    const lines = await stage.sigmq(['export', '--data', from]).ended;
    assert.deepEqual([lines.code, lines.stderr], [0, '']);
    const done = await stage.sigmq(['import', '--data', to], { stdin: lines.stdout }).ended;
    assert.deepEqual([done.code, done.stderr], [0, 'sigmq: 708 messages imported.\n']);
    const before = await contentIn(from);
    const after = await contentIn(to);
    assert.equal(before.all.filter(({ state }) => state === 'reserved').length, 1);
    const asReady = (one: Omit<Stored, 'id'>) =>
      one.state === 'reserved' ? { ...one, state: 'ready' as const, delivery: 2 } : one;
    assert.deepEqual(after.all, before.all.map(asReady));
    assert.deepEqual([after.number, after.asked], [7, 'delayed']);
    assert.deepEqual(
      after.counts.filter(({ paused }) => paused).map(({ queue }) => queue),
      ['q1'],
    );
  });

  it('add to what is there, and take all of it or nothing', async (t) => {
    const [from, to] = [folderFor(t), folderFor(t)];
    await fill(from);
    const stage = new Stage(t);
    const file = stage.path('all.jsonl');
    const exported = await stage.sigmq(['export', file, '--data', from]).ended;
    assert.equal(exported.code, 0, exported.stderr);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const again = await stage.sigmq(['export', file, '--data', from]).ended;
    assert.deepEqual([again.code, /already exists/.test(again.stderr)], [73, true]);
    const text = readFileSync(file, 'utf8');
    const lines = text.trimEnd().split('\n');
    const { messages } = JSON.parse(lines.at(-1) ?? '');
    assert.ok(exported.stderr.endsWith(`all.jsonl: ${messages} messages.\n`), exported.stderr);
    const bad: [string, string, RegExp][] = [
      ['cut off', lines.slice(0, -1).join('\n'), /a part is missing/],
      ['in the middle of a line', text.slice(0, 20_000), /not what `sigmq export` writes/],
      ['without the first line', lines.slice(1).join('\n'), /first line/],
      ['one is missing', lines.filter((_, n) => n !== 5).join('\n'), /speaks of 708/],
      ['garbage', `${lines[0]}\n{"queue":"no such/name"}\n`, /queue is missing, or wrong/],
      ['nothing', '', /a part is missing/],
    ];
    for (const [what, stdin, message] of bad) {
      const { code, stderr } = await stage.sigmq(['import', '--data', to], { stdin }).ended;
      assert.deepEqual([what, code], [what, 65], stderr);
      assert.match(stderr, message);
    }
    assert.deepEqual((await contentIn(to)).all, []);
    for (const times of [1, 2]) {
      const { code } = await stage.sigmq(['import', file, '--data', to]).ended;
      assert.equal(code, 0);
      assert.equal((await contentIn(to)).all.length, times * 708);
    }
  });

  it('are refused where a broker is at work, and there is nothing to copy', async (t) => {
    const stage = new Stage(t);
    const nothing = await stage.sigmq(['export']).ended;
    assert.deepEqual([nothing.code, /no store/i.test(nothing.stderr)], [69, true], nothing.stderr);
    await stage.broker();
    await stage.sent(['hello']);
    const { code, stdout } = await stage.sigmq(['export']).ended;
    assert.deepEqual([code, stdout.toString().split('\n').length], [0, 5], stdout.toString());
    writeFileSync(stage.path('x'), stdout);
    const refused = await stage.sigmq(['import', stage.path('x')]).ended;
    assert.deepEqual([refused.code, /in use/.test(refused.stderr)], [78, true], refused.stderr);
  });

  describe('with PostgreSQL', { skip: withoutPostgres }, () => {
    let server: PostgresServer;
    before(async () => {
      server = await PostgresServer.start();
    });
    after(() => server.remove());

    it('bring everything there and back', async (t) => {
      const [from, to] = [folderFor(t), folderFor(t)];
      await fill(from);
      const stage = new Stage(t);
      const url = server.url(`t${++schemas}`);
      const out = await stage.sigmq(['export', '--data', from]).ended;
      const into = await stage.sigmq(['import', '--store', url], { stdin: out.stdout }).ended;
      assert.equal(into.code, 0, into.stderr);
      const back = await stage.sigmq(['export'], { env: { SIGMQ_STORE: url } }).ended;
      const lines = (output: Buffer) => output.toString().split('\n').slice(1);
      const held = out.stdout.toString().replace('"state":"reserved"', '"state":"ready"');
      const expected = lines(Buffer.from(held)).map((line) =>
        line.includes('"queue":"held"') ? line.replace('"deliveries":0', '"deliveries":1') : line,
      );
      assert.deepEqual(lines(back.stdout), expected);
      const done = await stage.sigmq(['import', '--data', to], { stdin: back.stdout }).ended;
      assert.equal(done.code, 0, done.stderr);
      const again = await stage.sigmq(['export', '--data', to]).ended;
      assert.deepEqual(lines(again.stdout), lines(back.stdout));
    });

    it('give what they bring to the consumers of a living broker, and count it', async (t) => {
      const from = folderFor(t);
      await fill(from);
      const stage = new Stage(t);
      const url = server.url(`t${++schemas}`);
      await stage.broker(['--store', url, '--max-messages', '708']);
      const consumer = await stage.consumer(['-q', 'q0']);
      const out = await stage.sigmq(['export', '--data', from]).ended;
      const into = await stage.sigmq(['import', '--store', url], { stdin: out.stdout }).ended;
      assert.equal(into.code, 0, into.stderr);
      const lines = await consumer.printed(234);
      const byPriority = Array.from({ length: 234 }, (_, n) => n * 3).sort(
        (a, b) => (b % 5) - (a % 5) || a - b,
      );
      assert.deepEqual(
        lines,
        byPriority.map((n) => `größer ${n}`),
      );
    });
  });
});
