import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Watched } from '../../src/broker/watched.ts';
import { changesOf } from '../../src/changes.ts';
import type { EchoLink } from '../../src/link/echo-link.ts';
import { consumer, FakeJournal, FakeStore, unsettled } from './fakes.ts';

function given() {
  const store = new FakeStore();
  const journal = new FakeJournal();
  const startedAt = Date.parse(journal.counters.since);
  const who = consumer({ pid: 70, jobs: 3, queues: ['a', 'b'] });
  const roster = { all: [who, consumer({ pid: 71, kind: 'plain' })] };
  const intake = { draining: false };
  const endpoint = { echo: { counts: { bitsSent: 3, bitsReceived: 4 } } as unknown as EchoLink };
  const watched = new Watched({ store, journal, roster, intake, endpoint });
  const ask = async (since = 0) => changesOf(await watched.changes(since));
  return { store, journal, startedAt, who, roster, intake, watched, ask };
}

describe('Watched', () => {
  it('tells of all queues and consumers first, and then of what has changed', async () => {
    const { store, journal, startedAt, who, intake, ask } = given();
    await store.put('x');
    journal.counters.accepted('default');
    journal.counters.settled('other', 'lost', false);
    const first = await ask();
    assert.deepEqual(
      { ...first, now: 0, since: 0, queues: 0, consumers: 0 },
      {
        ...{ now: 0, since: 0, all: true, more: false, draining: false, bits: 7 },
        ...{ queues: 0, consumers: 0, goneQueues: [], gonePids: [] },
      },
    );
    const nothing = { paused: false, ready: 0, delayed: 0, reserved: 0, dead: 0 };
    const uncounted = { accepted: 0, delivered: 0, done: 0, failed: 0 };
    assert.deepEqual(first.queues, [
      { ...nothing, ...uncounted, queue: 'default', ready: 1, accepted: 1 },
      { ...nothing, ...uncounted, queue: 'other', failed: 1 },
    ]);
    const idle = { holding: 0, id: 0, queue: '', since: 0 };
    assert.deepEqual(first.consumers, [
      { ...idle, pid: 70, kind: 'echo', jobs: 3, queues: ['a', 'b'] },
      { ...idle, pid: 71, kind: 'plain', jobs: 1, queues: ['default'] },
    ]);

    const since = startedAt + 1234;
    who.inFlight.set(9, { ...unsettled, queue: 'b', since });
    who.inFlight.set(10, { ...unsettled, since: since + 1 });
    intake.draining = true;
    const second = await ask(first.since);
    assert.deepEqual([second.all, second.draining, second.queues], [false, true, []]);
    assert.deepEqual(second.consumers, [
      {
        ...{ pid: 70, kind: 'echo', jobs: 3, queues: ['a', 'b'] },
        ...{ holding: 2, id: 9, queue: 'b', since: 1234 },
      },
    ]);
    const third = await ask(second.since);
    assert.deepEqual([third.queues, third.consumers], [[], []]);
  });

  it('is short when nothing has changed', async () => {
    const { watched } = given();
    const { since } = await watched.changes(0);
    const note = JSON.stringify(await watched.changes(since));
    assert.ok(note.length < 60, note);
  });

  it('tells who has gone', async () => {
    const { roster, ask } = given();
    const { since } = await ask();
    roster.all.pop();
    assert.deepEqual((await ask(since)).gonePids, [71]);
  });

  it('tells everything to who knows another broker', async () => {
    const { ask } = given();
    const { since } = await ask();
    assert.equal((await ask(since + 1)).all, true);
    assert.equal((await ask(since)).all, false);
  });
});
