/** Any bytes in the files that sigmq reads: no exception but those that say what is wrong. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { applyConfig } from '../../src/cli/config.ts';
import { sigmq } from '../../src/cli/sigmq.ts';
import { SigmqError } from '../../src/errors.ts';
import { STATES } from '../../src/queue/message.ts';
import { openStore } from '../../src/queue/open-store.ts';
import { inspectBroker } from '../../src/registry/broker-file.ts';
import { readConsumers } from '../../src/registry/consumers-file.ts';
import { processTable } from '../../src/registry/process-table.ts';
import { isPid } from '../../src/registry/vet.ts';
import { reserve, settle } from '../queue/single.ts';

function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'sigmq-fuzz-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.json().map((text) => Buffer.from(text)),
  fc.stringMatching(/^[-+ 0-9a-z=,%\n\0]{0,100}$/).map((text) => Buffer.from(text)),
);

describe('any bytes', () => {
  it('in broker.pid and broker.json name no broker', (t) => {
    const dir = tempDir(t);
    // A process table that knows nobody: whatever is named is not there.
    const table = { ...processTable(), read: () => undefined };
    const property = fc.property(anyBytes, anyBytes, (pid, json) => {
      writeFileSync(join(dir, 'broker.pid'), pid);
      writeFileSync(join(dir, 'broker.json'), json);
      assert.equal(inspectBroker(dir, table).ok, false);
    });
    fc.assert(property);
  });

  it('in consumers.txt name processes or nobody', (t) => {
    const dir = tempDir(t);
    const property = fc.property(anyBytes, (bytes) => {
      writeFileSync(join(dir, 'consumers.txt'), bytes);
      for (const { pid } of readConsumers(dir)) assert.ok(pid === undefined || isPid(pid));
    });
    fc.assert(property);
  });

  it('in config.json are options or an error with exit code 78', (t) => {
    const dir = tempDir(t);
    mkdirSync(join(dir, 'sigmq'));
    const names = [
      'dir',
      'queue',
      'header',
      'timeout',
      'format',
      'json',
      'send',
      'consume',
      'jobs',
    ];
    const anyConfig = fc.oneof(
      anyBytes,
      fc
        .dictionary(fc.constantFrom(...names), fc.jsonValue())
        .map((value) => Buffer.from(JSON.stringify(value))),
      fc.constant(Buffer.from('{"queue":[{"toString":1}]}')),
    );
    const property = fc.property(anyConfig, (bytes) => {
      writeFileSync(join(dir, 'sigmq/config.json'), bytes);
      try {
        applyConfig(sigmq(), { XDG_CONFIG_HOME: dir });
      } catch (error) {
        assert.ok(error instanceof SigmqError, String(error));
        assert.equal(error.exitCode, 78);
      }
    });
    fc.assert(property, { numRuns: 60 });
  });
});

describe('a damaged store', () => {
  it('opens and works, or says what is wrong with it', async (t) => {
    const dir = tempDir(t);
    const good = join(dir, 'good');
    const store = await openStore({ kind: 'sqlite', folder: good });
    for (let n = 0; n < 30; n++) {
      const headers = [['k', 'v']] as const;
      await store.publish([
        { queue: 'q', body: Buffer.alloc(n * 20, 65), priority: n % 3, headers },
      ]);
    }
    await reserve(store, ['q'], '1:1');
    await store.pause('p', true);
    await store.close();
    const bytes = readFileSync(join(good, 'queue.db'));
    const folder = join(dir, 'bad');
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 40 });
    const length = fc.oneof(fc.constant(bytes.length), fc.nat(bytes.length));
    const property = fc.asyncProperty(changes, length, async (where, end) => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { mode: 0o700 });
      copyFileSync(join(good, 'queue.db'), join(folder, 'queue.db'));
      const damaged = Buffer.from(bytes);
      for (const [at, value] of where) damaged[at] = value;
      writeFileSync(join(folder, 'queue.db'), damaged.subarray(0, end));
      await works(folder);
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

async function works(folder: string): Promise<void> {
  try {
    const store = await openStore({ kind: 'sqlite', folder });
    try {
      for (const state of STATES) await store.peek('q', { state });
      await store.reservations();
      const message = await reserve(store, ['q'], '1:1');
      if (message) await settle(store, message.id, { kind: 'failed' });
      await store.publish([{ queue: 'q', body: Buffer.from('x'), priority: 0 }]);
      await store.counts();
    } finally {
      await store.close();
    }
  } catch (error) {
    assert.ok(error instanceof SigmqError, error instanceof Error ? error.stack : String(error));
    assert.ok([73, 75, 77, 78].includes(error.exitCode), error.message);
  }
}
