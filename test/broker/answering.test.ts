import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Answering } from '../../src/broker/answering.ts';
import { askerOf } from '../../src/broker/askers.ts';
import { InFlight } from '../../src/broker/in-flight.ts';
import { Replies } from '../../src/broker/replies.ts';
import { Reason } from '../../src/codec/reason.ts';
import type { Answer } from '../../src/link/answer.ts';
import { answerPartOf, decodeAnswer } from '../../src/link/answer.ts';
import { linkErrors } from '../../src/link/errors.ts';
import type { Told } from '../../src/link/settlement.ts';
import type { Outcome } from '../../src/queue/message.ts';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { FakeClock } from '../link/fakes.ts';
import { opened } from '../link/replies.ts';
import { reserve } from '../queue/single.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { consumer, FakeEndpoint, FakeJournal, FakeStore } from './fakes.ts';

const ASKER = { pid: 70, start: 500 };
const PLACE = 'boot pid:[1] 8:15';

/** A broker's parts, and messages that were asked. */
async function given(t: TestContext) {
  const clock = new FakeClock(t);
  clock.stopSleeps();
  const store = new FakeStore();
  const journal = new FakeJournal();
  const fake = new FakeEndpoint();
  const normal = fakeTable({ pid: 70 });
  const infos = new Map([[70, normal.read(70) as ProcessInfo]]);
  const table = { ...normal, read: (pid: number) => infos.get(pid) };
  const replies = new Replies({ endpoint: fake.endpoint, table, journal: { resent: () => {} } });
  const answering = new Answering({ asks: store, place: PLACE, replies, table, journal });
  const inFlight = new InFlight({ store, ackWaitMs: undefined, journal });
  await inFlight.recover(() => undefined);
  const worker = consumer({ pid: 80 });
  /** Asks, and settles it. */
  const settle = async (number: number, outcome: Outcome['kind'], told?: Told, from = ASKER) => {
    const asker = askerOf(from, number, PLACE);
    await store.publish([{ queue: 'default', body: Buffer.from('x'), priority: 0, asker }]);
    const reserved = await reserve(store, ['default'], worker.key);
    assert.ok(reserved);
    inFlight.begin(worker, reserved);
    await inFlight.settle(worker, reserved.id, { kind: outcome }, undefined, told);
    return asker;
  };
  const idle = async () => {
    for (let n = 0; n < 20; n++) await new Promise(setImmediate);
  };
  const answers = (): [number, Answer['kind'], number | undefined, string][] =>
    fake.sent.map(({ frame }) => {
      const part = answerPartOf(opened(frame)) ?? assert.fail('no answer');
      const answer = decodeAnswer(part.bytes) ?? assert.fail('not readable');
      return [part.number, answer.kind, answer.exitCode, Buffer.from(answer.body).toString()];
    });
  const left = () => store.repliesAt(PLACE, 10);
  const { counters } = journal;
  return { clock, store, journal, counters, fake, infos, answering, settle, idle, answers, left };
}

describe('Answering', () => {
  it('tells who asked how it ended, once it has', async (t) => {
    const { answering, settle, idle, answers, left, counters, journal } = await given(t);
    answering.start();
    await settle(1, 'done', { exitCode: 3, reply: Buffer.from('größer') });
    await settle(2, 'done');
    await settle(3, 'dead');
    await settle(4, 'dead', { exitCode: 9 });
    await settle(5, 'failed', { exitCode: 9 });
    await idle();
    assert.deepEqual(answers(), [
      [1, 'r', 3, 'größer'],
      [2, 'n', undefined, ''],
      [3, 'x', 65, ''],
      [4, 'x', 9, ''],
    ]);
    assert.deepEqual(await left(), []);
    assert.deepEqual(counters.totals.replies, { sent: 4, dropped: 0 });
    assert.deepEqual(journal.errors, []);
    await answering.stop();
  });

  it('goes on with what an earlier broker has left', async (t) => {
    const { answering, settle, idle, answers } = await given(t);
    await settle(1, 'done', { exitCode: 0, reply: Buffer.from('kept') });
    await idle();
    assert.deepEqual(answers(), []);
    answering.start();
    await idle();
    assert.deepEqual(answers(), [[1, 'r', 0, 'kept']]);
  });

  it('sends nothing to another process, or one that has ended, and forgets the reply', async (t) => {
    const { answering, settle, idle, fake, left, counters, infos } = await given(t);
    infos.set(71, { ...(infos.get(70) as ProcessInfo), pid: 71, blocksBoth: false });
    answering.start();
    await settle(1, 'done', undefined, { pid: 70, start: 499 });
    await settle(2, 'done', undefined, { pid: 99, start: 500 });
    await settle(3, 'done', undefined, { pid: 71, start: 500 });
    await idle();
    assert.deepEqual(fake.sent, []);
    assert.deepEqual(await left(), []);
    assert.equal(counters.totals.replies.dropped, 3);
  });

  it('drops what who asked does not want any more', async (t) => {
    const { answering, settle, idle, fake, left, counters, journal } = await given(t);
    fake.answer = () => ({ kind: 'refused', reason: Reason.Unknown });
    answering.start();
    await settle(1, 'done');
    await idle();
    assert.deepEqual([fake.sent.length, await left()], [1, []]);
    assert.deepEqual(counters.totals.replies, { sent: 0, dropped: 1 });
    assert.deepEqual(journal.warnings, []);
  });

  it('leaves alone who does not take it, until it asks again', async (t) => {
    const { clock, answering, settle, idle, answers, fake, left } = await given(t);
    fake.answer = () => Promise.reject(linkErrors.stalled(70));
    answering.start();
    const asker = await settle(1, 'done');
    await clock.pass(60_000);
    const tries = fake.sent.length;
    assert.ok(tries > 1);
    assert.deepEqual(await left(), [asker]);
    fake.answer = () => ({ kind: 'accepted' });
    await settle(2, 'done');
    await idle();
    assert.deepEqual(answers().slice(tries), [[2, 'n', undefined, '']]);
    answering.wake(asker);
    await idle();
    assert.deepEqual(answers().slice(tries + 1), [[1, 'n', undefined, '']]);
    assert.deepEqual(await left(), []);
  });

  it('tries again when the store fails', async (t) => {
    const { clock, store, answering, settle, answers, journal } = await given(t);
    store.failing.set('repliesAt', new Error('no'));
    answering.start();
    await settle(1, 'done');
    await clock.pass(50);
    assert.ok(journal.errors.length > 0);
    store.failing.clear();
    await clock.pass(2000);
    assert.equal(answers().length, 1);
  });
});
