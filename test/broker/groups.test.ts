import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConsumerState } from '../../src/broker/consumer-state.ts';
import { Groups } from '../../src/broker/groups.ts';
import { MAX_GROUPS } from '../../src/options/groups.ts';
import { StoreAway } from '../../src/queue/errors.ts';
import { consumer, FakeJournal, FakeStore } from './fakes.ts';

function given(...all: ConsumerState[]) {
  const store = new FakeStore();
  const journal = new FakeJournal();
  const roster = { all, isRegistered: ({ jobs }: ConsumerState) => jobs > 0 };
  const groups = new Groups({ store, roster, journal });
  const said = () => journal.events.map(({ message }) => message);
  return { store, roster, groups, said };
}

const of = (pid: number, ...queues: string[]) => consumer({ pid, queues });

describe('Groups', () => {
  it('are there for all registered consumers that name them', async () => {
    const left = consumer({ pid: 73, queues: ['mail@left'], jobs: 0 });
    const { store, groups, said } = given(of(71, 'mail@a', 'news@a'), of(72, 'mail@a', 'x'), left);
    await groups.ensure();
    await groups.ensure();
    assert.deepEqual(await store.groups(), ['mail@a', 'news@a']);
    assert.deepEqual(said(), []);
  });

  it('name each consumer once that gets nothing, and again after it was right', async () => {
    const plain = of(71, 'mail', 'news', 'other');
    const { groups, said } = given(plain, of(72, 'mail@a'));
    await groups.join(['news@b']);
    await groups.ensure();
    assert.equal(said().length, 2);
    assert.match(said()[0] ?? '', /Consumer 71 gets nothing from queue mail.*--group/);
    assert.match(said()[1] ?? '', /71.*news/);
    plain.queues = ['other'];
    await groups.ensure();
    plain.queues = ['mail'];
    await groups.ensure();
    assert.equal(said().length, 3);
  });

  it('are made for the others when one consumer asks for too many, and that is said once', async () => {
    const greedy = of(71, ...Array.from({ length: MAX_GROUPS + 1 }, (_, n) => `many@g${n}`));
    const { store, groups, said } = given(greedy, of(72, 'mail@a'));
    await groups.ensure();
    await groups.ensure();
    assert.deepEqual(await store.groups(), ['mail@a']);
    assert.equal(said().length, 1);
    assert.match(said()[0] ?? '', /Queue many has/);
    greedy.queues = ['many@g0'];
    await groups.ensure();
    assert.equal((await store.groups()).length, 2);
  });

  it('are not removed from under their consumers', async () => {
    const user = of(71, 'mail@a');
    const { store, roster, groups } = given(user);
    await groups.ensure();
    await store.publish([{ queue: 'mail', body: Buffer.from('x'), priority: 0 }]);
    await assert.rejects(groups.remove('mail@a'), {
      ...{ code: 'group-in-use', exitCode: 75 },
      message: 'Group a of queue mail has consumers: 71.',
    });
    await assert.rejects(groups.remove('mail@b'), { code: 'no-group', exitCode: 65 });
    roster.all.length = 0;
    assert.equal(await groups.remove('mail@a'), 1);
    assert.deepEqual(await store.groups(), []);
  });

  it('wait for a store that is away', async () => {
    const { store, groups } = given(of(71, 'mail@a'));
    store.failing.set('addGroups', new StoreAway('store-away', 75, 'away', ''));
    await groups.ensure();
    await assert.rejects(groups.join(['mail@b']), { code: 'store-away' });
    store.failing.clear();
    await groups.ensure();
    assert.deepEqual(await store.groups(), ['mail@a']);
  });
});
