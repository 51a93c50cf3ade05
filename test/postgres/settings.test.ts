import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { PostgresEngine } from '../../src/queue/postgres/engine.ts';
import { SharedSettings } from '../../src/queue/postgres/settings.ts';

/** @param lost so many times, another broker is faster */
function given(lost: number) {
  let sets = 0;
  let told = 0;
  const engine = {
    fast: async () => [{ queue: null, settings: null, version: sets }],
    durable: async () => (sets++ < lost ? [] : [{}]),
    tell: () => void told++,
  };
  const settings = new SharedSettings(engine as unknown as PostgresEngine);
  return { settings, told: () => told };
}

it('changes the settings of a queue anew when another broker was faster', async () => {
  const { settings, told } = given(3);
  assert.deepEqual(await settings.set('a', { concurrency: 2 }), { concurrency: 2 });
  assert.equal(told(), 1);
});

it('says so when others are always faster, and tells nobody of a change', async () => {
  const { settings, told } = given(Number.POSITIVE_INFINITY);
  await assert.rejects(settings.set('a', { concurrency: 2 }), /those of a are as they were/);
  assert.equal(told(), 0);
});
