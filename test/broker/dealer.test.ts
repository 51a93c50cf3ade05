/** Who gets which message: as with one at a time, however many go out together. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { type ConsumerState, roomOf } from '../../src/broker/consumer-state.ts';
import { Dealer } from '../../src/broker/dealer.ts';
import type { Delivery } from '../../src/broker/delivery.ts';
import { InFlight } from '../../src/broker/in-flight.ts';
import { Roster } from '../../src/broker/roster.ts';
import type { NewMessage } from '../../src/queue/message.ts';
import { put } from '../queue/single.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeJournal, FakeStore } from './fakes.ts';

const SIZE = { bytes: 1 << 20, messages: 256 };

interface Wishes {
  readonly words?: string;
  /** What it may have at once, if it takes more than `jobs`. */
  readonly hand?: number;
  readonly state?: string;
}

/** Consumers 71, 72, and so on, that take batches unless they say otherwise. */
function given(t: TestContext, all: readonly Wishes[], size = SIZE) {
  const dir = tempDir(t);
  const path = join(dir, 'consumers.txt');
  const lines = all.map(({ words = '' }, n) => `${71 + n} accepts=batch ${words}\n`);
  writeFileSync(path, lines.join(''));
  const table = fakeTable(...all.map(({ state = 'S' }, n) => ({ pid: 71 + n, state })));
  const journal = new FakeJournal();
  const roster = new Roster({ dir, table, journal });
  roster.look();
  for (const [n, consumer] of roster.all.entries()) consumer.hand = all[n]?.hand ?? 1;
  const store = new FakeStore();
  const inFlight = new InFlight({ store, ackWaitMs: undefined, journal });
  const dealer = new Dealer({ roster, store, inFlight, size });
  const leave = (pid: number) => {
    writeFileSync(path, lines.filter((line) => !line.startsWith(`${pid} `)).join(''));
    roster.look();
  };
  const deal = async () => told(await dealer.deal(0));
  const publish = (queue: string, ...bodies: string[]) =>
    put(
      store,
      bodies.map((body) => ({ queue, body: Buffer.from(body), priority: 0 })),
    );
  return { dealer, roster, store, inFlight, leave, deal, put: publish, consumer: byPid(roster) };
}

const byPid = (roster: Roster) => (pid: number) =>
  roster.get(`${pid}:500`) ?? assert.fail(`there is no ${pid}`);

/** `pid: bodies` of each frame. */
const told = (deliveries: readonly Delivery[]) =>
  deliveries.map(({ consumer: { pid }, messages }) => {
    return `${pid}: ${messages.map(({ body }) => Buffer.from(body)).join(' ')}`;
  });

describe('Dealer', () => {
  it('gives one to each in turn, as long as there are some and they have room', async (t) => {
    const { deal, put } = given(t, [
      { words: 'jobs=3' },
      { words: 'jobs=2' },
      { words: 'prefetch=9', hand: 4 },
    ]);
    await put('default', ...'abcdefghijk');
    assert.deepEqual(await deal(), ['71: a d g', '72: b e', '73: c f h i']);
    assert.deepEqual(await deal(), []);
  });

  it('deals from queues by their weights, to all with the same ones in turn', async (t) => {
    const words = 'jobs=9 queues=a,b weights=3,1';
    const { deal, put } = given(t, [{ words }, { words }, { words: 'jobs=2 queues=b,a' }]);
    await put('b', ...'1234');
    await put('a', ...'ABCDEFGH');
    // The third one takes the oldest first.
    assert.deepEqual(await deal(), ['71: A 2 D 4 G', '72: B C E F H', '73: 1 3']);
  });

  it('begins behind who got the last one', async (t) => {
    const { deal, put } = given(t, [{ words: 'jobs=9' }, { words: 'jobs=9' }, { words: 'jobs=9' }]);
    await put('default', ...'abcd');
    assert.deepEqual(await deal(), ['71: a d', '72: b', '73: c']);
    await put('default', ...'ef');
    assert.deepEqual(await deal(), ['72: e', '73: f']);
    await put('default', 'g');
    assert.deepEqual(await deal(), ['71: g']);
  });

  it('makes a frame of each message for who takes no batches', async (t) => {
    const { dealer, store, consumer } = given(t, [{ words: 'jobs=3' }, {}]);
    Object.assign(consumer(71), { accepts: { batch: false, brotli: false, model: false } });
    await store.put('a', 'b', 'c');
    assert.deepEqual(told(await dealer.deal(0)), ['71: a', '71: c', '72: b']);
  });

  it('serves nobody past one that may get more as soon as it is done with its hand', async (t) => {
    const { deal, put } = given(t, [
      { words: 'prefetch=9', hand: 4 },
      { words: 'prefetch=9', hand: 1 },
      { words: 'jobs=1' },
    ]);
    await put('default', ...'abcdefghij');
    assert.deepEqual(await deal(), ['71: a d', '72: b', '73: c']);
  });

  it('gives nobody more than it wants altogether, and counts what comes back', async (t) => {
    const { deal, put, inFlight, store, consumer } = given(t, [
      { words: 'jobs=9 count=3' },
      { words: 'prefetch=9 count=3', hand: 9 },
    ]);
    const ids = await put('default', ...'abcdefghij');
    assert.deepEqual(await deal(), ['71: a c e', '72: b d f']);
    assert.deepEqual(await store.states(), [
      ...Array(6).fill('reserved'),
      ...Array(4).fill('ready'),
    ]);
    for (const id of ids) await inFlight.settle(consumer(71), id, { kind: 'done' });
    assert.deepEqual(await deal(), []);
    await inFlight.settle(consumer(72), ids[1] as number, { kind: 'return' });
    assert.deepEqual(await deal(), ['72: b']);
    await inFlight.settle(consumer(72), ids[1] as number, { kind: 'failed' });
    assert.deepEqual(await deal(), []);
  });

  it('gives twice as many to who is done with all, and one to who rests', async (t) => {
    const { deal, put, inFlight, roster, consumer } = given(t, [{ words: 'prefetch=5' }]);
    await put('default', ...Array.from({ length: 30 }, (_, n) => `${n}`));
    const lengths: number[] = [];
    const who = consumer(71);
    const done = async (kind: 'done' | 'failed') => {
      for (const given of who.inFlight.values()) given.isSending = false;
      for (const id of [...who.inFlight.keys()]) await inFlight.settle(who, id, { kind });
    };
    for (let n = 0; n < 5; n++) {
      await deal();
      lengths.push(who.inFlight.size);
      await done('done');
    }
    assert.deepEqual(lengths, [1, 2, 4, 5, 5]);
    await deal();
    await done('failed');
    assert.equal(who.hand, 5, 'that something failed says nothing of how quick it is');
    roster.rest(who, -1000);
    await deal();
    assert.equal(who.inFlight.size, 1);
  });

  it('leaves who is stopped alone, and looks at nobody when there is nothing', async (t) => {
    const { deal, put, consumer } = given(t, [
      { words: 'jobs=2', state: 'T' },
      { words: 'jobs=2' },
      { words: 'queues=q', state: 'T' },
    ]);
    assert.deepEqual(await deal(), []);
    assert.equal(consumer(71).restsUntil, 0, 'who rests is woken, again and again');
    await put('default', ...'abc');
    assert.deepEqual(await deal(), ['72: a b']);
    assert.deepEqual(
      [71, 72, 73].map((pid) => consumer(pid).restsUntil),
      [250, 0, 0],
    );
  });

  it('gives back what was for one that left while the store was slow', async (t) => {
    const { dealer, store, leave, consumer } = given(t, [{ words: 'jobs=4' }, { words: 'jobs=4' }]);
    await store.put('a', 'b', 'c', 'd', 'e');
    const gone = consumer(71);
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const reserve = store.reserve;
    store.reserve = async (...args) => {
      const got = await reserve(...args);
      await gate;
      return got;
    };
    const dealing = dealer.deal(0);
    await turn();
    leave(71);
    open();
    const dealt = await dealing;
    assert.ok(dealt.every(({ consumer: { pid } }) => pid === 72));
    assert.equal(gone.inFlight.size, 0);
    const ids = dealt.flatMap(({ messages }) => messages.map(({ id }) => id));
    assert.deepEqual([...consumer(72).inFlight.keys()].sort(), ids.sort());
    const states = await store.states();
    assert.equal(states.filter((state) => state === 'reserved').length, ids.length);
    assert.equal(states.length, 5);
  });

  it('says that the store fails, and gives out what it has got before', async (t) => {
    const { dealer, store, consumer } = given(t, [{ words: 'jobs=9' }, { words: 'jobs=9' }]);
    await store.put('a', 'b', 'c');
    const reserve = store.reserve;
    let calls = 0;
    store.reserve = async (...args) => {
      if (++calls > 1) throw new Error('disk');
      return reserve(...args);
    };
    assert.deepEqual(told(await dealer.deal(0)), ['71: a']);
    await assert.rejects(dealer.deal(0), /disk/);
    assert.deepEqual([consumer(71).inFlight.size, consumer(72).inFlight.size], [1, 0]);
  });

  it('fills no more than a frame of each, but for a message that is larger', async (t) => {
    const wishes = ['queues=a jobs=9', 'queues=b jobs=9', 'queues=a,b jobs=9'];
    const size = { bytes: 100, messages: 256 };
    const { dealer, put } = given(
      t,
      wishes.map((words) => ({ words })),
      size,
    );
    const large = 'x'.repeat(150);
    await put('a', large, large, large, large);
    await put('b', large, large, large, large);
    const counts: number[] = [];
    for (let frames = await dealer.deal(0); frames.length > 0; frames = await dealer.deal(0)) {
      counts.push(frames.flatMap(({ messages }) => messages).length);
    }
    assert.deepEqual(counts, [2, 2, 2, 2]);
  });

  it('deals 512 at most, and 128 to one', async (t) => {
    for (const [consumers, counts] of [
      [1, [128, 128, 128, 128, 88, 0]],
      [2, [256, 256, 88, 0]],
      [6, [512, 88, 0]],
    ] as const) {
      const { dealer, store } = given(t, Array(consumers).fill({ words: 'jobs=1000' }));
      await store.put(...Array(600).fill('x'));
      for (const count of counts) {
        const dealt = await dealer.deal(0);
        assert.equal(dealt.flatMap(({ messages }) => messages).length, count);
      }
    }
  });
});

/** Deals one message after the other, as simply as it can be done. */
function oneByOne(
  consumers: readonly ConsumerState[],
  rooms: Map<ConsumerState, number>,
  stopped: ReadonlySet<number>,
  messages: readonly (NewMessage & { id: number })[],
): Map<number, number[]> {
  const ready = [...messages].sort((a, b) => b.priority - a.priority || a.id - b.id);
  const got = new Map<number, number[]>();
  let misses = 0;
  for (let n = 0; misses < consumers.length; n++) {
    const consumer = consumers[n % consumers.length] as ConsumerState;
    const { pid, queues } = consumer;
    const room = rooms.get(consumer) ?? 0;
    const at = ready.findIndex(({ queue }) => queues.includes(queue));
    misses++;
    if (room <= 0 || stopped.has(pid) || at < 0) continue;
    const [message] = ready.splice(at, 1);
    got.set(pid, [...(got.get(pid) ?? []), message?.id as number]);
    rooms.set(consumer, room - 1);
    misses = 0;
  }
  return got;
}

const someQueues = fc.constantFrom('default', 'a', 'b', 'a,b', 'b,a', 'a,default');
const anyWishes = fc.record({
  queues: someQueues,
  jobs: fc.integer({ min: 1, max: 4 }),
  prefetch: fc.integer({ min: 1, max: 12 }),
  count: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
  hand: fc.integer({ min: 1, max: 12 }),
  isStopped: fc.constantFrom(false, false, false, true),
});
const anyMessage = fc.record({
  queue: fc.constantFrom('default', 'a', 'b'),
  priority: fc.nat({ max: 2 }),
  bytes: fc.nat({ max: 40 }),
});

describe('a deal', () => {
  it('is as with one at a time, whoever there is and whatever waits', async (t) => {
    const property = fc.asyncProperty(
      fc.array(anyWishes, { minLength: 1, maxLength: 5 }),
      fc.array(anyMessage, { maxLength: 40 }),
      fc.constantFrom(10, 60, 1 << 20),
      async (wishes, kinds, bytes) => {
        const all = wishes.map(({ queues, jobs, prefetch, count, hand, isStopped }) => ({
          words: `queues=${queues} jobs=${jobs} prefetch=${prefetch} ${count ? `count=${count}` : ''}`,
          hand,
          ...(isStopped ? { state: 'T' } : {}),
        }));
        const { dealer, roster, store } = given(t, all, { bytes, messages: 256 });
        const messages = kinds.map(({ queue, priority, bytes }) => {
          return { queue, priority, body: new Uint8Array(bytes) };
        });
        const ids = await put(store, messages);
        const consumers = roster.all;
        const stopped = new Set(
          consumers.filter((_, n) => wishes[n]?.isStopped).map(({ pid }) => pid),
        );
        const expected = oneByOne(
          consumers,
          new Map(consumers.map((one) => [one, roomOf(one)])),
          stopped,
          messages.map((message, n) => ({ ...message, id: ids[n] as number })),
        );
        const got = new Map<number, number[]>();
        for (let frames = await dealer.deal(0); frames.length > 0; frames = await dealer.deal(0)) {
          for (const { consumer, messages } of frames) {
            const before = got.get(consumer.pid) ?? [];
            got.set(consumer.pid, [...before, ...messages.map(({ id }) => id)]);
          }
          const dealt = frames.flatMap((frame) => frame.messages);
          const sum = dealt.reduce((sum, { body }) => sum + body.length, 0);
          // A frame for each consumer, and one message that is larger than there is room for.
          assert.ok(sum <= consumers.length * bytes + 40, `${sum} bytes`);
        }
        assert.deepEqual(new Map([...got].sort()), new Map([...expected].sort()));
        for (const one of consumers) assert.ok(one.given <= one.count && roomOf(one) >= 0);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });
});
