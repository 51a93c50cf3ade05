/** What happens to the server, and to the way to it, loses nothing and does nothing twice. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../../src/queue/errors.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { PostgresStore } from '../../src/queue/postgres/postgres-store.ts';
import type { Store, StoreNews } from '../../src/queue/store.ts';
import { until } from '../e2e/harness.ts';
import { FaultyNetwork } from './faulty-network.ts';
import { PostgresServer, withoutPostgres } from './server.ts';

/** How often a consumer looks for messages; ms. */
const LOOK_MS = 5;
let schemas = 0;

/** As the broker: what it is told of a frame, and what it does if that is nothing. */
class Sender {
  readonly #store: Store;
  readonly confirmed: string[] = [];
  unknown = 0;
  #number = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  async send(size: number): Promise<void> {
    const number = ++this.#number;
    const bodies = Array.from({ length: size }, (_, n) => `${number}.${n}`);
    const producer = { process: 'boot:1:1', number };
    const batch = bodies.map((text) => {
      return { queue: 'default', priority: 0, body: Buffer.from(text), producer };
    });
    for (;;) {
      try {
        await this.#store.publish(batch);
        break;
      } catch (error) {
        assert.ok(error instanceof StoreError, String(error));
        if (error.code === 'store-unknown') this.unknown++;
        if ((await this.#lastNumber()) >= number) break;
      }
    }
    this.confirmed.push(...bodies);
  }

  async #lastNumber(): Promise<number> {
    const known = await until('the store', () => once(() => this.#store.lastNumber('boot:1:1')));
    return known.value ?? 0;
  }
}

/** What it gives; undefined: the store is away. */
async function once<T>(work: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await work() };
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error));
    return undefined;
  }
}

/** Takes messages and settles them until it is told to stop and nothing is left. */
async function consume(store: Store, isAllSent: () => boolean): Promise<Map<string, number>> {
  const got = new Map<string, number>();
  for (;;) {
    await once(() => store.sweep());
    const some = await once(() => store.reserve(['default'], Array(4).fill('1:1')));
    for (const { id, body } of some?.value ?? []) {
      const text = Buffer.from(body).toString();
      got.set(text, (got.get(text) ?? 0) + 1);
      const done = { id, outcome: { kind: 'done' } } as const;
      await until('the store', () => once(() => store.settle([done])));
    }
    if (isAllSent() && (await once(() => store.isEmpty(true)))?.value) return got;
    if (!some?.value.length) await sleep(LOOK_MS);
  }
}

async function open(t: TestContext, url: string, leaseMs = 10_000): Promise<PostgresStore> {
  const place = { key: `${url} ${Math.random()}`, host: 'host', dir: '/dir', version: '1' };
  const store = await PostgresStore.open({ url, policy: DEFAULT_POLICY, place, leaseMs });
  t.after(() => store.close());
  return store;
}

/** Sends and consumes while something is done to the server, then compares. */
async function underFault(
  store: Store,
  fault: (progress: (more: number) => Promise<void>) => Promise<void>,
) {
  const sender = new Sender(store);
  let isOver = false;
  let isAllSent = false;
  const consumed = consume(store, () => isAllSent);
  /** Waits until so many more are confirmed. */
  const progress = async (more: number) => {
    const wanted = sender.confirmed.length + more;
    await until(`${wanted} messages`, () => sender.confirmed.length >= wanted);
  };
  const faulty = fault(progress).finally(() => {
    isOver = true;
  });
  const sent = (async () => {
    for (let n = 0; !isOver || n < 50; n++) await sender.send(1 + (n % 7));
    isAllSent = true;
  })();
  const [got] = await Promise.all([consumed, sent, faulty]);
  const missing = sender.confirmed.filter((text) => !got.has(text));
  assert.deepEqual(missing, [], 'confirmed, and not delivered');
  const twice = [...got].filter(([, times]) => times > 1).map(([text]) => text);
  return { sender, got, twice };
}

describe('a store in PostgreSQL', { skip: withoutPostgres }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.remove());

  it('loses nothing when the server is killed, again and again', async (t) => {
    const store = await open(t, server.url(`f${++schemas}`));
    const news: StoreNews['kind'][] = [];
    store.subscribe(({ kind }) => news.push(kind));
    await underFault(store, async (progress) => {
      for (let n = 0; n < 3; n++) {
        await progress(100);
        server.kill();
        server.run();
      }
    });
    assert.deepEqual(
      news.filter((kind) => kind !== 'news'),
      ['away', 'back', 'away', 'back', 'away', 'back'],
    );
  });

  it('loses nothing, and stores nothing twice, when answers are swallowed', async (t) => {
    const network = await FaultyNetwork.to(server.port);
    t.after(() => network.close());
    const store = await open(t, server.url(`f${++schemas}`, network.port));
    const { sender, twice } = await underFault(store, async (progress) => {
      for (let n = 0; n < 30; n++) {
        await progress(20);
        const before = network.swallowed;
        network.swallows = true;
        await until('an answer', () => network.swallowed > before);
        network.swallows = false;
        network.reset();
      }
    });
    assert.deepEqual(twice, []);
    assert.equal(sender.unknown, 0, 'the new connection says what became of it');
  });

  it('refuses at once while the network is cut, and comes back by itself', async (t) => {
    const network = await FaultyNetwork.to(server.port);
    t.after(() => network.close());
    const store = await open(t, server.url(`f${++schemas}`, network.port));
    const kinds: string[] = [];
    const gone = new Promise<void>((resolve) => {
      store.subscribe(({ kind }) => {
        kinds.push(kind);
        if (kind === 'away') resolve();
      });
    });
    const { twice } = await underFault(store, async (progress) => {
      await progress(50);
      network.cut();
      await gone;
      await assert.rejects(store.publish([]), { code: 'store-away', exitCode: 75 });
      network.mend();
    });
    assert.deepEqual(twice, []);
    assert.deepEqual(
      kinds.filter((kind) => kind !== 'news'),
      ['away', 'back'],
    );
  });

  it('goes on with a standby that was promoted, without a loss', async (t) => {
    const primary = await PostgresServer.start({ config: 'max_wal_senders = 5' });
    t.after(() => primary.remove());
    const standby = await PostgresServer.start({ standbyOf: primary, config: 'hot_standby = on' });
    t.after(() => standby.remove());
    primary.sql(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
    primary.sql('SELECT pg_reload_conf()');
    await assert.rejects(open(t, standby.url('sigmq')), {
      code: 'store-away',
      message: /it is a standby/,
    });
    const host = (at: PostgresServer) => `127.0.0.1:${at.port}`;
    const url = `postgres://postgres@${host(standby)},${host(primary)}/postgres?sslmode=disable`;
    const store = await open(t, url);
    await underFault(store, async (progress) => {
      await progress(200);
      primary.kill();
      standby.promote();
      await progress(200);
    });
    assert.match(standby.sql('SELECT pg_is_in_recovery()'), /^f/);
  });
});
