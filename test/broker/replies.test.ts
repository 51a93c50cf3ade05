import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { Replies } from '../../src/broker/replies.ts';
import { Reason } from '../../src/codec/reason.ts';
import { linkErrors } from '../../src/link/errors.ts';
import { partOf } from '../../src/link/request.ts';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { FakeClock } from '../link/fakes.ts';
import { opened, repliesIn } from '../link/replies.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeEndpoint } from './fakes.ts';

const ONE = { pid: 70, start: 500 };
const OTHER = { pid: 71, start: 500 };
/** Cannot be packed: random, in base64. */
const LONG = randomBytes(3000).toString('base64');

function given(t: TestContext) {
  const clock = new FakeClock(t);
  clock.stopSleeps();
  const fake = new FakeEndpoint();
  const infos = new Map([ONE, OTHER].map(({ pid }) => [pid, { ...fakeTable({ pid }).read(pid) }]));
  const resends: number[] = [];
  const replies = new Replies({
    endpoint: fake.endpoint,
    table: { read: (pid) => infos.get(pid) as ProcessInfo | undefined },
    journal: { resent: () => void resends.push(fake.sent.length) },
  });
  const setState = (pid: number, state: string) => Object.assign(infos.get(pid) ?? {}, { state });
  const got = async (pid: number) =>
    (await repliesIn(fake.sent.filter((sent) => sent.pid === pid).map(({ frame }) => frame)))[0]
      ?.content;
  return { clock, fake, replies, setState, got, infos, resends };
}

describe('Replies', () => {
  it('send what is short in one frame, as it is', async (t) => {
    const { fake, replies, got } = given(t);
    await replies.send(ONE, 9, { ok: 'short' });
    assert.equal(fake.sent.length, 1);
    assert.equal(partOf(opened(fake.sent[0]?.frame ?? new Uint8Array())), undefined);
    assert.deepEqual(await got(70), { ok: 'short' });
  });

  it('send what is long in small frames, each in a hold of its own', async (t) => {
    const { fake, replies, got } = given(t);
    await replies.send(ONE, 9, { ok: LONG });
    assert.deepEqual(await got(70), { ok: LONG });
    assert.ok(fake.sent.length >= 6, String(fake.sent.length));
    assert.equal(fake.holds, fake.sent.length);
    for (const { frame } of fake.sent) assert.ok(frame.length < 550, String(frame.length));
  });

  it('pack what is alike', async (t) => {
    const { fake, replies, got } = given(t);
    const queues = Array.from({ length: 1000 }, (_, n) => ({ queue: `user-${n}`, ready: 1 }));
    await replies.send(ONE, 9, { ok: queues });
    assert.deepEqual(await got(70), { ok: queues });
    const bytes = fake.sent.reduce((sum, { frame }) => sum + frame.length, 0);
    assert.ok(bytes * 5 < JSON.stringify(queues).length, String(bytes));
  });

  it('take turns: a short one waits for one part of a long one, not for all', async (t) => {
    const { fake, replies, got } = given(t);
    await Promise.all([replies.send(ONE, 1, { ok: LONG }), replies.send(OTHER, 2, { ok: 1 })]);
    const order = fake.sent.map(({ pid }) => pid);
    assert.ok(order.indexOf(71) <= 2, order.join());
    assert.deepEqual([await got(70), await got(71)], [{ ok: LONG }, { ok: 1 }]);
  });

  it('get shorter frames when the bus is slow', async (t) => {
    const { clock, fake, replies } = given(t);
    fake.answer = (_pid, frame) => {
      clock.ms += frame.length; // a millisecond for a byte, where 20 µs are usual
      return { kind: 'accepted' };
    };
    await replies.send(ONE, 1, { ok: LONG });
    const lengths = fake.sent.slice(1).map(({ frame }) => frame.length);
    assert.ok(Math.max(...lengths) < 100, lengths.join());
  });

  it('wait, without the bus and without anybody else, for a process that is stopped', async (t) => {
    const { clock, fake, replies, setState, got } = given(t);
    setState(70, 'T');
    const stopped = replies.send(ONE, 1, { ok: LONG });
    await replies.send(OTHER, 2, { ok: 2 });
    assert.deepEqual([fake.holds, await got(71)], [1, { ok: 2 }]);
    await clock.pass(1000);
    assert.equal(fake.holds, 1);
    setState(70, 'S');
    await clock.pass(300);
    await stopped;
    assert.deepEqual(await got(70), { ok: LONG });
  });

  it('give up a process that stays stopped', async (t) => {
    const { clock, fake, replies, setState } = given(t);
    setState(70, 'T');
    const failed = assert.rejects(replies.send(ONE, 1, { ok: 1 }), { code: 'peer-stalled' });
    await clock.pass(31_000);
    await failed;
    assert.equal(fake.holds, 0);
  });

  it('send a part again after a pause, and the whole arrives once', async (t) => {
    const { clock, fake, replies, resends } = given(t);
    fake.first.push(linkErrors.stalled(70), { kind: 'out-of-step' }, linkErrors.busLost());
    fake.first.push({ kind: 'refused', reason: Reason.Damaged });
    const sending = replies.send(ONE, 1, { ok: 5 });
    await clock.pass(8000);
    await sending;
    assert.equal(fake.sent.length, 5);
    assert.equal(new Set(fake.sent.map(({ frame }) => String(frame))).size, 1);
    assert.deepEqual(resends, [1, 2, 3, 4]);
  });

  it('give up who does not answer, after a few tries', async (t) => {
    const { clock, fake, replies } = given(t);
    fake.answer = () => {
      throw linkErrors.stalled(70);
    };
    let isOver = false;
    const failed = assert
      .rejects(replies.send(ONE, 1, { ok: LONG }), { code: 'peer-stalled' })
      .finally(() => {
        isOver = true;
      });
    // The thread that packs takes what time it needs, whatever the clock says.
    while (!isOver) await clock.pass(10);
    await failed;
    assert.equal(fake.sent.length, 5);
  });

  it('stop when nobody waits for them any more, or who asked is gone', async (t) => {
    const { fake, replies, infos } = given(t);
    fake.answer = () => ({ kind: 'refused', reason: Reason.Unknown });
    await replies.send(ONE, 1, { ok: LONG });
    assert.equal(fake.sent.length, 1);
    infos.delete(70);
    fake.answer = () => {
      throw linkErrors.gone(70);
    };
    await replies.send(ONE, 1, { ok: LONG }); // no fault of anybody
    assert.equal(fake.sent.length, 2);
  });

  it('are given up by a broker that stops, after a moment', async (t) => {
    const { clock, fake, replies, setState } = given(t);
    setState(70, 'T');
    const stopped = replies.send(ONE, 1, { ok: LONG });
    replies.stop();
    await clock.pass(2100);
    await stopped;
    assert.equal(fake.holds, 0);
  });

  it('are sent by nobody without the addon', async (t) => {
    const { fake, replies } = given(t);
    fake.hasAddon = false;
    await replies.send(ONE, 1, { ok: 1 });
    assert.equal(fake.holds, 0);
  });
});
