import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MAX_GROUPS } from '../../src/options/groups.ts';
import { writeSqlite } from '../../src/queue/sqlite/transfer.ts';
import type { Content, SetQueue, Target, Transferred } from '../../src/queue/transfer.ts';
import { linesOf, take } from '../../src/queue/transfer-lines.ts';

const MESSAGE = {
  ...{ queue: 'a', state: 'ready', priority: 0, position: 1, headers: [], text: 'x' },
  ...{ attempts: 0, spent: 0, releases: 0, deliveries: 0, enqueuedAt: 1 },
};

/** What is taken. */
class Taken implements Target {
  readonly messages: Transferred[] = [];
  readonly queues: SetQueue[] = [];
  async pause(): Promise<void> {}
  async remember(): Promise<void> {}
  async keep(): Promise<void> {}
  async set(queues: readonly SetQueue[]): Promise<void> {
    this.queues.push(...queues);
  }
  async addGroups(): Promise<void> {}
  async add(messages: readonly Transferred[]): Promise<void> {
    this.messages.push(...messages);
  }
  async end(): Promise<void> {}
  async close(): Promise<void> {}
}

async function* records(lines: readonly object[]) {
  yield lines.map((line) => Buffer.from(JSON.stringify(line)));
}

/** The lines between the first and the last one. */
async function taken(lines: readonly object[], format = 2) {
  const into = new Taken();
  const messages = lines.filter((line) => !('sigmq' in line)).length;
  const first = { sigmq: 'export', format, paused: [] };
  await take(records([first, ...lines, { sigmq: 'end', messages }]), into);
  return into;
}

describe('an export', () => {
  const content: Content = {
    ...{ name: 'here', paused: [], producers: [], keys: [], queues: [], groups: [] },
    async *messages() {},
  };
  const format = async (more: Partial<Content>) => {
    const first = await linesOf({ ...content, ...more }).next();
    return JSON.parse(first.value ?? '').format;
  };

  it('can be read by an earlier sigmq as long as it has nothing that one does not know', async () => {
    assert.equal(await format({}), 1);
    assert.equal(await format({ groups: ['mail@a'] }), 2);
    assert.equal(await format({ queues: [{ queue: 'a', settings: { rate: '1/s' } }] }), 2);
  });
});

describe('an import', () => {
  it('takes the formats that there were', async () => {
    for (const format of [1, 2]) assert.equal((await taken([MESSAGE], format)).messages.length, 1);
    for (const format of [0, 3, '1'])
      await assert.rejects(taken([MESSAGE], format as number), /this sigmq knows 1 and 2/);
  });

  it('takes no message that no broker would have', async () => {
    const own = { maxAttempts: 1e6, asker: `1:2:3 /${'ö'.repeat(500)}` };
    const { messages } = await taken([{ ...MESSAGE, ...own }]);
    assert.deepEqual({ ...messages[0], ...own }, messages[0]);
    for (const [name, wrong] of [
      ['maxAttempts', 0],
      ['maxAttempts', 1e6 + 1],
      ['asker', 'a\0b'],
      ['asker', 'ö'.repeat(1025)],
    ] as const)
      await assert.rejects(taken([{ ...MESSAGE, [name]: wrong }]), {
        code: 'bad-import',
        message: new RegExp(`${name} is missing, or wrong`),
      });
  });

  it('takes of failures what every store can keep', async () => {
    const text = `\0${'x'.repeat(5000)}`;
    const failure = { kind: 'lost', at: 1, queue: text, host: text, reason: text };
    const { messages } = await taken([{ ...MESSAGE, failures: [failure] }]);
    const { queue, host, reason } = messages[0]?.failures[0] ?? {};
    for (const kept of [queue, host, reason]) assert.match(kept ?? '', /^\ufffdx{1000,1280}$/);
  });

  it('takes no settings that are none', async () => {
    const line = { sigmq: 'queue', queue: 'a', settings: { rate: '1/s' } };
    assert.deepEqual((await taken([line])).queues, [{ queue: 'a', settings: { rate: '1/s' } }]);
    for (const settings of [null, [], 'x'])
      await assert.rejects(taken([{ ...line, settings }]), { code: 'bad-import' });
  });

  it('adds no more groups to a queue than it may have', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sigmq-import-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const target = writeSqlite(folder);
    t.after(() => target.close());
    const names = Array.from({ length: MAX_GROUPS }, (_, n) => `mail@${n}`);
    await target.addGroups(names);
    await target.addGroups(names);
    await assert.rejects(target.addGroups(['other@0', 'mail@more']), { code: 'too-many-groups' });
  });
});
