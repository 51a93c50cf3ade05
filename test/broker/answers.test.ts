import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Answers } from '../../src/broker/answers.ts';
import type { Drain } from '../../src/broker/drain.ts';
import type { Intake } from '../../src/broker/intake.ts';
import type { Roster } from '../../src/broker/roster.ts';
import type { EchoLink } from '../../src/link/echo-link.ts';
import { StoreError } from '../../src/queue/errors.ts';
import { VERSION } from '../../src/version.ts';
import { consumer, FakeJournal, FakeStore, unsettled } from './fakes.ts';

const PEER = { pid: 70, start: 500 };
const LINK = {
  ...{ bitsSent: 1, bitsReceived: 2, foreignSignals: 3 },
  busWaits: { bounds: [1], counts: [4, 5], sum: 6 },
};
const ZERO = { ready: 0, delayed: 0, reserved: 0, dead: 0 };

/** A broker with one consumer, which has a message to settle. */
function given(plainBecause?: string) {
  const store = new FakeStore();
  const journal = new FakeJournal();
  const { counters } = journal;
  const who = consumer({ pid: 70, jobs: 3, inFlight: new Map([[9, unsettled]]) });
  const roster = { all: [who], get: (key: string) => (key === who.key ? who : undefined) };
  const intake = {
    draining: false,
    lastSent: ({ pid }: { pid: number }) => [{ id: pid, isDuplicate: false }],
  };
  const done: string[] = [];
  const drain = {
    isOn: false,
    begin: (paused: boolean) => {
      drain.isOn = true;
      done.push(`drain ${paused}`);
    },
    cancel: () => {
      const wasOn = drain.isOn;
      drain.isOn = false;
      return wasOn;
    },
    state: async (): Promise<unknown> => ({ ready: 1 }),
  };
  const answers = new Answers({
    ...{ dir: '/d', plainBecause, store, journal },
    endpoint: { echo: { counts: LINK } as unknown as EchoLink },
    roster: roster as unknown as Roster,
    intake: intake as unknown as Intake,
    drain: drain as unknown as Drain,
    keepsExpired: false,
    agingMs: undefined,
    place: 'here',
    answering: { wake: (asker) => void done.push(`wake ${asker}`) },
  });
  return { store, journal, counters, intake, drain, answers, done };
}

describe('Answers', () => {
  it('tells what the broker is, has and has done', async () => {
    const { store, counters, answers } = given();
    counters.accepted('q');
    counters.refused('full');
    const { uptimeMs, store: name, ...status } = await answers.status();
    assert.ok(uptimeMs >= 0 && uptimeMs < 60_000);
    assert.equal(name, store.name);
    assert.deepEqual(status, {
      ...{ pid: process.pid, version: VERSION, dir: '/d', plainBecause: null },
      ...{ draining: false, drain: null, others: null, engine: null, agingMs: null },
      ...{ accepted: 1, delivered: 0, retried: 0, done: 0, failed: 0, released: 0, lost: 0 },
      ...{
        expired: 0,
        dead: 0,
        dropped: 0,
        refused: { full: 1 },
        lostConsumers: 0,
        since: counters.since,
      },
      replies: { sent: 0, dropped: 0 },
      ...{ resends: 0, repeats: 0, link: LINK },
      consumers: [{ pid: 70, kind: 'echo', queues: ['default'], jobs: 3, holding: 1 }],
    });
    assert.equal((await given('no addon').answers.status()).plainBecause, 'no addon');
  });

  it('tells of each queue what is in it, how old that is, and what was counted', async () => {
    const { store, counters, answers } = given();
    await store.put('a');
    await store.publish([{ queue: 'later', body: Buffer.from('b'), priority: 0, delayMs: 1e6 }]);
    counters.accepted('default');
    counters.accepted('empty');
    const [first, ...rest] = await answers.queues('', 10);
    assert.ok((first?.oldestReadyMs ?? -1) >= 0 && (first?.oldestReadyMs ?? 1e9) < 60_000);
    assert.deepEqual(
      { ...first, oldestReadyMs: 0 },
      {
        ...{ queue: 'default', paused: false, ...ZERO, ready: 1 },
        ...{ oldestReadyMs: 0, counted: counters.of('default') },
      },
    );
    assert.deepEqual(rest, [
      {
        ...{ queue: 'empty', paused: false, ...ZERO },
        ...{ oldestReadyMs: null, counted: counters.of('empty') },
      },
      {
        ...{ queue: 'later', paused: false, ...ZERO, delayed: 1 },
        ...{ oldestReadyMs: null, counted: null },
      },
    ]);
    const names = (await answers.queues('default', 1)).map(({ queue }) => queue);
    assert.deepEqual(names, ['empty']);
  });

  it('gives the numbers of each queue, and what was counted also while the store is away', async () => {
    const { store, counters, answers } = given();
    await store.put('a');
    counters.accepted('default');
    counters.settled('default', 'done', false, 40);
    const latency = counters.latencyOf('default');
    const [known, none] = await answers.metrics('', 10);
    assert.ok((known?.now?.oldestReadyMs ?? -1) >= 0);
    assert.deepEqual(
      { ...known, now: { ...known?.now, oldestReadyMs: 0 } },
      {
        ...{ queue: 'default', counted: counters.of('default'), latency },
        now: { paused: false, ...ZERO, ready: 1, oldestReadyMs: 0 },
      },
    );
    assert.equal(none, undefined);
    store.failing.set('counts', new StoreError('store-away', 75, 'It is away.', 'Wait.'));
    const counted = { queue: 'default', counted: counters.of('default'), latency };
    assert.deepEqual(await answers.metrics('', 10), [{ ...counted, now: null }]);
    assert.deepEqual(await answers.metrics('default', 10), []);
    store.failing.set('counts', new TypeError('a bug'));
    await assert.rejects(answers.metrics('', 10), TypeError);
  });

  it('counts what has expired', async () => {
    const { store, answers } = given();
    store.takeExpired = () => new Map([['q', 2]]);
    assert.equal((await answers.status()).expired, 2);
    store.takeExpired = () => new Map([['q', 1]]);
    const counted = (await answers.queues('', 10)).find(({ queue }) => queue === 'q')?.counted;
    assert.deepEqual([counted?.expired, counted?.dead], [3, 0]);
  });

  it('counts what a consumer could get or holds', async () => {
    const { store, answers } = given();
    await store.put('a', 'b');
    await store.publish([{ queue: 'q', body: Buffer.from('c'), priority: 0 }]);
    const waiting = (pid: number, ...queues: string[]) =>
      answers.waiting({ ...PEER, pid }, new Set(queues));
    assert.equal(await waiting(70, 'default'), 3);
    assert.equal(await waiting(71, 'default', 'q'), 3);
    await store.pause('default', true);
    assert.equal(await waiting(71, 'default', 'q'), 1);
  });

  it('passes on what a producer sent last', () => {
    assert.deepEqual(given().answers.lastSent(PEER), [{ id: 70, isDuplicate: false }]);
  });

  it('takes nothing new when it is to drain, and says so; it does not stop by itself', async () => {
    const { intake, journal, answers, done } = given();
    assert.deepEqual(await answers.drain(true), { ready: 1 });
    assert.deepEqual([intake.draining, done], [true, ['drain true']]);
    const { draining, drain } = await answers.status();
    assert.deepEqual([draining, drain], [true, { ready: 1 }]);
    assert.equal(journal.stops, 0);
    answers.stop();
    assert.equal(journal.stops, 1);
  });

  it('does not drain when the store cannot say what there is', async () => {
    const { intake, drain, answers, done } = given();
    drain.state = () => Promise.reject(new StoreError('store-away', 75, 'It is away.', 'Wait.'));
    await assert.rejects(answers.drain(false), { code: 'store-away' });
    assert.deepEqual([intake.draining, done], [false, []]);
  });

  it('takes messages again when draining is taken back, but not when it was over', async () => {
    const { intake, drain, answers } = given();
    assert.equal(answers.cancelDrain(), false);
    await answers.drain(false);
    assert.equal(answers.cancelDrain(), true);
    assert.equal(intake.draining, false);
    await answers.drain(false);
    drain.isOn = false;
    assert.equal(answers.cancelDrain(), false);
    assert.equal(intake.draining, true);
  });
});
