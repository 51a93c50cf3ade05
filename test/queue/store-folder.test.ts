import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { storeFolder } from '../../src/queue/store-folder.ts';
import { tempDir } from '../registry/children.ts';

describe('storeFolder', () => {
  it('depends on the directory, however its path is spelled, and whether it is there or not', (t) => {
    const home = tempDir(t);
    mkdirSync(join(home, 'real'));
    symlinkSync('real', join(home, 'link'));
    const env = { XDG_STATE_HOME: join(home, 'state') };
    const folder = storeFolder(join(home, 'real/run'), env);
    assert.equal(storeFolder(join(home, 'link/run'), env), folder);
    assert.equal(storeFolder(join(home, 'link/./run/'), env), folder);
    mkdirSync(join(home, 'real/run'));
    assert.equal(storeFolder(join(home, 'link/run'), env), folder);
    assert.notEqual(storeFolder(join(home, 'real'), env), folder);
  });

  it('can be made for a directory with the longest name that there can be', (t) => {
    const home = tempDir(t);
    const env = { XDG_STATE_HOME: join(home, 'state') };
    const run = join(home, 'a'.repeat(255));
    const folder = storeFolder(run, env);
    for (const path of [run, folder]) mkdirSync(path, { recursive: true });
    assert.equal(storeFolder(run, env), folder);
    assert.notEqual(storeFolder(join(home, `${'a'.repeat(254)}b`), env), folder);
  });

  it('is that of a spelling where a store was begun so, until there is another', (t) => {
    const home = tempDir(t);
    mkdirSync(join(home, 'real/run'), { recursive: true });
    symlinkSync('real', join(home, 'link'));
    const env = { XDG_STATE_HOME: join(home, 'state') };
    const spelled = join(home, 'link/run');
    const hash = createHash('sha256').update(spelled).digest('hex').slice(0, 8);
    const old = join(home, 'state/sigmq', `run-${hash}`);
    mkdirSync(old, { recursive: true });
    writeFileSync(join(old, 'queue.db'), '');
    assert.equal(storeFolder(spelled, env), old);
    const folder = storeFolder(join(home, 'real/run'), env);
    mkdirSync(folder);
    writeFileSync(join(folder, 'queue.db'), '');
    assert.equal(storeFolder(spelled, env), folder);
  });

  it('is in the home of the user, also when HOME is empty or not set', (t) => {
    const home = tempDir(t);
    assert.ok(storeFolder('/x', { HOME: home }).startsWith(`${home}/.local/state/sigmq/x-`));
    assert.equal(storeFolder('/x', { HOME: '' }), storeFolder('/x', {}));
    assert.ok(storeFolder('/x', {}).startsWith('/'));
  });
});
