import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Answers } from '../../src/broker/answers.ts';
import { Counters } from '../../src/broker/counters.ts';
import type { Intake } from '../../src/broker/intake.ts';
import type { Roster } from '../../src/broker/roster.ts';
import { VERSION } from '../../src/version.ts';
import { consumer, FakeStore, inHand } from './fakes.ts';

const SENDER = { pid: 70, start: 500 };

/** A broker with one consumer, which holds a message. */
function given(plainBecause?: string) {
  const store = new FakeStore();
  const who = consumer({ pid: 70, slots: 3, holding: new Map([[9, inHand]]) });
  const roster = { all: [who], get: (key: string) => (key === who.key ? who : undefined) };
  const intake = { draining: false, lastIds: ({ pid }: { pid: number }) => [pid] };
  const done: string[] = [];
  const counters = new Counters();
  counters.accepted('default');
  counters.delivered('default', false);
  const answers = new Answers({
    ...{ dir: '/d', plainBecause, store, counters },
    roster: roster as unknown as Roster,
    intake: intake as unknown as Intake,
    onDraining: () => done.push('draining'),
    onStop: () => done.push('stop'),
  });
  return { store, intake, answers, done };
}

describe('Answers', () => {
  it('tells what the broker is, has and has done', async () => {
    const { store, answers } = given();
    await store.put('a');
    const { uptimeMs, store: name, queues, ...status } = await answers.status();
    assert.ok(uptimeMs >= 0 && uptimeMs < 60_000);
    assert.deepEqual([name, queues], [store.name, await store.counts()]);
    assert.deepEqual(status, {
      ...{ pid: process.pid, version: VERSION, dir: '/d', draining: false, plainBecause: null },
      ...{ accepted: 1, delivered: 1 },
      consumers: [{ pid: 70, kind: 'echo', queues: ['default'], jobs: 3, holding: 1 }],
    });
    assert.equal((await given('no addon').answers.status()).plainBecause, 'no addon');
  });

  it('counts what a consumer could get or holds', async () => {
    const { store, answers } = given();
    await store.put('a', 'b');
    await store.publish([{ queue: 'q', body: Buffer.from('c'), priority: 0 }]);
    const waiting = (pid: number, ...queues: string[]) =>
      answers.waiting({ ...SENDER, pid }, new Set(queues));
    assert.equal(await waiting(70, 'default'), 3);
    assert.equal(await waiting(71, 'default', 'q'), 3);
    await store.pause('default', true);
    assert.equal(await waiting(71, 'default', 'q'), 1);
  });

  it('passes on what a producer sent last', () => {
    assert.deepEqual(given().answers.lastIds(SENDER), [70]);
  });

  it('takes nothing new when it is to drain, and says so; it does not stop by itself', async () => {
    const { intake, answers, done } = given();
    answers.drain();
    assert.deepEqual([intake.draining, done], [true, ['draining']]);
    assert.equal((await answers.status()).draining, true);
    answers.stop();
    assert.deepEqual(done, ['draining', 'stop']);
  });
});
