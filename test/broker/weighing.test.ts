import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Weighing } from '../../src/broker/weighing.ts';
import { put } from '../queue/single.ts';
import { FakeStore } from './fakes.ts';

function given() {
  const store = new FakeStore();
  const weighing = new Weighing(store);
  const publish = (queue: string, bodies: string) =>
    put(
      store,
      bodies.split('').map((body) => ({ queue, body: Buffer.from(body), priority: 0 })),
    );
  const choice = { queues: ['a', 'b', 'c'], weights: [3, 1, 1] };
  const deal = async (cards: number, maxBytes = 1000, of = choice) => {
    const keys = Array.from({ length: cards }, (_, n) => `${n}:1`);
    const dealt = await weighing.reserve(of, keys, maxBytes);
    return dealt.map(([card, { body }]) => `${card}${Buffer.from(body)}`).join(' ');
  };
  return { store, publish, deal };
}

describe('Weighing', () => {
  it('takes from each queue in proportion, one by one or many at a time', async () => {
    const { publish, deal } = given();
    await publish('a', 'ABCDEFGHI');
    await publish('b', '123');
    await publish('c', 'xyz');
    assert.equal(await deal(5), '0A 11 2B 3x 4C');
    const one = [];
    for (let n = 0; n < 5; n++) one.push(await deal(1));
    assert.equal(one.join(' '), '0D 02 0E 0y 0F');
    assert.equal(await deal(9), '0G 13 2H 3z 4I');
  });

  it('gives the turns of an empty queue to the others', async () => {
    const { publish, deal } = given();
    await publish('a', 'AB');
    await publish('c', 'uvwxyz');
    assert.equal(await deal(6), '0A 1B 2u 3v 4w 5x');
    await publish('b', '1');
    assert.equal(await deal(9), '01 1y 3z');
    assert.equal(await deal(1), '');
  });

  it('reserves each for the consumer that gets its card', async () => {
    const { store, publish, deal } = given();
    await publish('a', 'AB');
    await publish('b', '12');
    await deal(4);
    const held = (await store.reservations()).map(
      ({ consumer, body }) => `${consumer} ${Buffer.from(body)}`,
    );
    assert.deepEqual(held.sort(), ['0:1 A', '1:1 B', '2:1 1', '3:1 2']);
  });

  it('stops when there is enough, and goes on where it was', async () => {
    const { publish, deal } = given();
    await publish('a', 'ABCDEF');
    await publish('b', '12');
    assert.equal(await deal(5, 3), '0A 1B 3C');
    assert.equal(await deal(5, 3), '01 1D 32');
  });

  it('gives what it has when the store fails in the middle', async () => {
    const { store, publish, deal } = given();
    await publish('a', 'AB');
    await publish('b', '1');
    const { reserve } = store;
    store.reserve = (async (queues: readonly string[], keys: readonly string[], bytes?: number) => {
      if (queues[0] === 'b') throw new Error('away');
      return reserve(queues, keys, bytes);
    }) as typeof reserve;
    assert.equal(await deal(4), '0A 1B');
    await assert.rejects(deal(4), { message: 'away' });
  });

  it('keeps the turns of different choices apart', async () => {
    const { publish, deal } = given();
    await publish('a', 'ABCDEF');
    await publish('b', '123456');
    const even = { queues: ['a', 'b'], weights: [1, 1] };
    const got = [];
    for (let n = 0; n < 4; n++) got.push(await deal(1), await deal(1, 1000, even));
    assert.equal(got.join(' '), '0A 0B 0C 01 02 0D 0E 03');
  });
});
