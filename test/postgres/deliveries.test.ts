import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Allowances } from '../../src/queue/allowances.ts';
import { StoreError } from '../../src/queue/errors.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import type { Statement } from '../../src/queue/postgres/connection.ts';
import { Deliveries } from '../../src/queue/postgres/deliveries.ts';
import { Ready } from '../../src/queue/postgres/ready.ts';
import type { Parts } from '../../src/queue/postgres/timetable.ts';
import { Queues } from '../../src/queue/queue-settings.ts';

/** What the server finds; an error: it refuses. */
type Answer = readonly object[] | Error;

const row = (id: number, queue: string) => ({
  ...{ id, queue, body: Buffer.from(`${id}`), bytes: 1, headers: null, asker: null },
  ...{ attempts: 0, releases: 0, deliveries: 0, enqueued_at: 0 },
  ...{ heads: 1, locked: 1, asked: queue },
});
const refusal = new StoreError('store-failed', 1, 'Refused.', 'Nothing.');

/** @param answers of the server, in their order */
function given(answers: readonly Answer[]) {
  const asked: string[] = [];
  const dropped: string[] = [];
  const added: number[] = [];
  const queues = new Queues();
  queues.set('limited', { concurrency: 1 });
  const left = [...answers];
  const parts = {
    engine: {
      fast: async ({ name }: Statement) => {
        asked.push(name);
        const answer = left.shift() ?? [];
        if (answer instanceof Error) throw answer;
        return answer;
      },
      drop: (why: string) => void dropped.push(why),
    },
    members: { id: 'us', incarnation: 1, ensure: async () => {}, held: () => {} },
    timetable: {
      sweep: async () => {},
      addOpening: () => {},
      add: (at: number) => void added.push(at),
    },
    settings: { queues, known: async () => queues },
    ...{ allowances: new Allowances(queues), clock: { now: () => 0, toHost: (at: number) => at } },
    ...{ policy: DEFAULT_POLICY, ready: new Ready(), host: 'host' },
  };
  const deliveries = new Deliveries(parts as unknown as Parts);
  return { deliveries, asked, dropped, added };
}

it('gives out what there is when it cannot be said how much of a limited queue is held', async () => {
  const { deliveries, asked, dropped } = given([[row(1, 'any')], [row(2, 'limited')], refusal]);
  const some = await deliveries.reserve(['any', 'limited'], ['1:1', '1:1', '1:1']);
  assert.deepEqual(
    some.map(({ id }) => id),
    [1],
  );
  assert.deepEqual(asked, ['reserve', 'reserve', 'count-held']);
  assert.equal(
    dropped.length,
    1,
    'what is reserved for nobody comes back with the next connection',
  );
});

it('does the same when what is too much cannot be given back', async () => {
  const { deliveries, dropped } = given([[row(2, 'limited')], [{ messages: 2 }], refusal]);
  await assert.rejects(deliveries.reserve(['limited'], ['1:1']), refusal);
  assert.equal(dropped.length, 1);
  assert.equal(deliveries.any, false);
});

it('looks whether what it gave back has expired', async () => {
  const { deliveries, added } = given([[row(2, 'limited')], [{ messages: 2 }]]);
  assert.deepEqual(await deliveries.reserve(['limited'], ['1:1', '1:1']), []);
  assert.deepEqual(added, [Number.NEGATIVE_INFINITY]);
});
