import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MAX_GROUPS } from '../../src/options/groups.ts';
import { writeSqlite } from '../../src/queue/sqlite/transfer.ts';

describe('an import', () => {
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
