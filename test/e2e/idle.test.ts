/** A broker that has nothing to do does nothing, whatever it waits for. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'libsql';
import { endAfter } from '../end-after.ts';
import { PostgresServer, withoutPostgres } from '../postgres/server.ts';
import { type Program, Stage, stopped, until } from './harness.ts';

/** How long wake-ups are counted; ms. */
const WINDOW_MS = 2000;
/**
 * Times in it that the broker may go to sleep. A loop that re-arms itself makes thousands; looks at a peer that is
 * stopped, or at a store that is locked, come once a second, and a few switches each.
 */
const MOST = 60;

/** Times that a process has gone to sleep by itself (proc(5)). */
function sleeps({ pid }: Program): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]);
}

async function assertIdle(broker: Program): Promise<void> {
  // What was just done may have an end of its own: the first quiet window counts.
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 5 && least > MOST; n++) {
    const before = sleeps(broker);
    await pause(WINDOW_MS);
    least = Math.min(least, sleeps(broker) - before);
  }
  assert.ok(least <= MOST, `${least} wake-ups in ${WINDOW_MS} ms`);
}

const stateIs = (stage: Stage, wanted: Record<string, unknown>) =>
  until(
    () => JSON.stringify(wanted),
    async () => {
      const { stdout } = await stage.sigmq(['ls', '--json']).ended;
      const counts = stdout.length > 0 ? JSON.parse(stdout.toString().split('\n')[0] ?? '') : {};
      return Object.entries(wanted).every(([key, value]) => counts[key] === value);
    },
  );

async function given(t: TestContext, ...args: string[]) {
  const stage = new Stage(t);
  const broker = await stage.broker(['--data', stage.path('data'), ...args]);
  return { stage, broker };
}

describe('an idle broker', () => {
  it('sleeps when there is nothing', async (t) => {
    const { broker } = await given(t);
    await assertIdle(broker);
  });

  it('sleeps when a delayed message is due and nobody is there', async (t) => {
    const { stage, broker } = await given(t);
    await stage.sent(['--delay', '1ms', 'x']);
    await stateIs(stage, { ready: 1, delayed: 0 });
    await assertIdle(broker);
  });

  it('sleeps when a delayed message is due and everybody is busy', async (t) => {
    const { stage, broker } = await given(t);
    const busy = stage.path('busy');
    writeFileSync(busy, '');
    await stage.consumer(['--', 'sh', '-c', `while test -e '${busy}'; do sleep 0.1; done`]);
    await stage.sent(['busy']);
    await stateIs(stage, { reserved: 1 });
    await stage.sent(['--delay', '1ms', 'x']);
    await stateIs(stage, { ready: 1, delayed: 0 });
    await assertIdle(broker);
    rmSync(busy);
  });

  it('sleeps when the queue is paused, also with a due message and a consumer', async (t) => {
    const { stage, broker } = await given(t);
    await stage.consumer();
    await stage.sigmq(['pause']).ended;
    await stage.sent(['--delay', '1ms', 'x']);
    await stateIs(stage, { ready: 1, delayed: 0, paused: true });
    await assertIdle(broker);
  });

  it('sleeps when it is full', async (t) => {
    const { stage, broker } = await given(t, '--max-messages', '1');
    await stage.sent(['x']);
    assert.equal((await stage.send(['y'])).code, 75);
    await assertIdle(broker);
  });

  it('sleeps when its messages have expired', async (t) => {
    const { stage, broker } = await given(t);
    await stage.sent(['--ttl', '1ms', 'x']);
    await assertIdle(broker);
  });

  it('looks now and then when its only consumer is stopped', async (t) => {
    const { stage, broker } = await given(t);
    const consumer = await stage.consumer();
    await stopped(consumer);
    await stage.sent(['x']);
    await assertIdle(broker);
  });

  it('tries now and then when the store is locked by somebody', async (t) => {
    const { stage, broker } = await given(t);
    await stage.sent(['--delay', '300ms', 'x']);
    const db = new Database(join(stage.path('data'), 'queue.db'));
    t.after(() => db.close());
    db.exec('PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE');
    await broker.says(/cannot be written/);
    await assertIdle(broker);
    db.exec('ROLLBACK');
    await stateIs(stage, { ready: 1 });
  });
});

describe('an idle broker whose store is in PostgreSQL', { skip: withoutPostgres }, () => {
  it('sleeps and asks nothing, with messages that are delayed, paused or in work elsewhere', async (t) => {
    const server = await PostgresServer.start();
    endAfter(t, () => server.remove());
    const args = ['broker', '--store', server.url('idle')];
    const [stage, other] = [new Stage(t), new Stage(t)];
    const broker = await stage.broker(args.slice(1));
    await other.broker(args.slice(1));
    await stage.consumer();
    await stage.sigmq(['pause']).ended;
    await stage.sent(['paused']);
    await stage.sent(['--delay', '1h', 'later']);
    const busy = other.path('busy');
    writeFileSync(busy, '');
    const work = ['--', 'sh', '-c', `while test -e '${busy}'; do sleep 0.1; done`];
    await other.consumer(['-q', 'work', ...work]);
    await other.sent(['-q', 'work', 'work']);
    await until('the work', async () => {
      const { stdout } = await stage.sigmq(['ls', '--json']).ended;
      return stdout.toString().includes('"reserved":1');
    });
    await assertIdle(broker);
    rmSync(busy);
  });
});
