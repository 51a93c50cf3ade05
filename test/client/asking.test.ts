import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Asking } from '../../src/client/asking.ts';
import { Reason } from '../../src/codec/reason.ts';
import { type Answer, AnswerKind, answerFrame, encodeAnswer } from '../../src/link/answer.ts';
import type { Judge } from '../../src/link/endpoint.ts';
import { replyFrame, requestOf } from '../../src/link/request.ts';
import type { AskedStatus } from '../../src/status.ts';
import { FakeEndpoint } from '../broker/fakes.ts';
import { FakeClock } from '../link/fakes.ts';
import { opened } from '../link/replies.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';

const BROKER = 70;
const SENDER = { pid: BROKER, start: 500 };

/** Somebody who asks, and a broker that says what a test says. */
function given(t: TestContext, wait = false) {
  const clock = new FakeClock(t);
  clock.stopSleeps();
  const dir = tempDir(t);
  const appear = () => writeFileSync(join(dir, 'broker.pid'), `${BROKER}\n`);
  const vanish = () => rmSync(join(dir, 'broker.pid'));
  appear();
  const fake = new FakeEndpoint();
  const listeners = new Set<Judge>();
  const listen = (listener: Judge) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const endpoint = Object.assign(fake.endpoint, { listen });
  const hear = (frame: Uint8Array) => {
    for (const listener of listeners) {
      const verdict = listener(SENDER, frame.subarray(0, -1));
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  };
  let status: AskedStatus | undefined = { state: 'ready', consumers: 0 };
  fake.answer = (_pid, frame) => {
    const note = requestOf(opened(frame)) ?? assert.fail('no request');
    const answer = replyFrame({ number: note.number, content: { ok: status } });
    if (status) setImmediate(() => hear(answer));
    return { kind: 'accepted' };
  };
  const table = fakeTable({ pid: BROKER });
  const asking = new Asking({ dir, table, endpoint, wait });
  const looks: AskedStatus[] = [];
  let onLook = (look: AskedStatus): void => void looks.push(look);
  let number = 0;
  const over = new AbortController();
  const ask = () =>
    asking.ask(
      async (ask) => {
        number = ask;
      },
      { queue: 'q', onLook: (look) => onLook(look) },
      over.signal,
    );
  const answered = (answer: Partial<Answer>, size = 1e6, parts = 1e6) => {
    const bytes = encodeAnswer({
      ...{ kind: AnswerKind.Reply, exitCode: 0, body: new Uint8Array() },
      ...answer,
    });
    const verdicts = [];
    for (let at = 0; at < bytes.length && at < parts * size; at += size) {
      const some = bytes.subarray(at, at + size);
      const part = { number, bytes: some, offset: at, total: bytes.length };
      verdicts.push(hear(answerFrame(part)));
    }
    return verdicts;
  };
  const setStatus = (now: AskedStatus | undefined) => {
    status = now;
  };
  const setOnLook = (now: typeof onLook) => {
    onLook = now;
  };
  const parts = { clock, fake, ask, asking, answered, looks, appear, vanish };
  return { ...parts, setStatus, setOnLook, listeners, over };
}

describe('Asking', () => {
  it('waits for the reply, in one part or in many', async (t) => {
    const { ask, answered, listeners } = given(t);
    const body = Buffer.from('größer\0');
    for (const size of [1e6, 3]) {
      const asked = ask();
      await new Promise(setImmediate);
      assert.ok(answered({ body, exitCode: 9 }, size).every((verdict) => verdict === 0));
      const reply = await asked;
      assert.deepEqual([reply.text(), reply.exitCode], ['größer\0', 9]);
      assert.equal(answered({ body })[0], undefined, 'nobody waits any more');
    }
    assert.equal(listeners.size, 0);
  });

  it('begins again when another broker does, which packs in its own way', async (t) => {
    const { ask, answered } = given(t);
    const asked = ask();
    await new Promise(setImmediate);
    answered({ body: Buffer.from('abcdef') }, 4, 1);
    answered({ body: Buffer.from('abc') }, 4, 1);
    // In larger parts than before.
    const verdicts = answered({ body: Buffer.from('abc') }, 3);
    assert.deepEqual(verdicts, [0, 0]);
    assert.equal((await asked).text(), 'abc');
  });

  it('asks now and then how far it is, and says so', async (t) => {
    const { clock, ask, answered, looks, setStatus, fake } = given(t);
    const asked = ask();
    await clock.pass(1900);
    assert.equal(fake.sent.length, 0);
    await clock.pass(700);
    assert.deepEqual(looks, [{ state: 'ready', consumers: 0 }]);
    setStatus({ state: 'reserved', consumers: 1 });
    await clock.pass(6000);
    assert.equal(looks.at(-1)?.state, 'reserved');
    answered({ body: Buffer.from('x') });
    assert.equal((await asked).text(), 'x');
    const { length } = fake.sent;
    await clock.pass(20_000);
    assert.equal(fake.sent.length, length, 'it asks no more');
  });

  it('ends with what its watcher throws', async (t) => {
    const { clock, ask, setOnLook } = given(t);
    setOnLook(() => {
      throw new Error('broken');
    });
    const failed = assert.rejects(ask(), { message: 'broken' });
    await clock.pass(3000);
    await failed;
  });

  it('does not wait for the rest of a reply that is no longer there', async (t) => {
    const { clock, ask, answered, setStatus } = given(t);
    const failed = assert.rejects(ask(), { code: 'ask-lost' });
    await clock.pass(100);
    answered({ body: Buffer.from('abcdef') }, 4, 1);
    setStatus({ state: 'answered', consumers: 1 });
    await clock.pass(3000);
    setStatus({ state: 'missing', consumers: 1 });
    await clock.pass(6000);
    await failed;
  });

  for (const [state, code] of [
    ['missing', 'ask-lost'],
    ['dead', 'dead-letter'],
  ] as const) {
    it(`fails when the broker says that it is ${state}`, async (t) => {
      const { clock, ask, setStatus } = given(t);
      setStatus({ state, consumers: 1 });
      const failed = assert.rejects(ask(), { code, exitCode: 75 });
      await clock.pass(3000);
      await failed;
    });
  }

  it('fails when no broker comes back, unless it is to wait for one', async (t) => {
    const { clock, ask, vanish } = given(t);
    const failed = assert.rejects(ask(), { code: 'broker-gone', exitCode: 69 });
    await clock.pass(1000);
    vanish();
    await clock.pass(31_000);
    await failed;
  });

  it('waits for one that is not there yet, if it is to', async (t) => {
    const { clock, ask, vanish, appear, answered } = given(t, true);
    vanish();
    const asked = ask();
    await clock.pass(100_000);
    appear();
    await clock.pass(600);
    answered({ body: Buffer.from('x') });
    assert.equal((await asked).text(), 'x');
  });

  it('fails when there is none, and it is not to wait', async (t) => {
    const { ask, vanish } = given(t);
    vanish();
    await assert.rejects(ask(), { code: 'no-broker', exitCode: 69 });
  });

  it('ends while it waits for one', async (t) => {
    const { ask, vanish, over, listeners } = given(t, true);
    vanish();
    const aborted = assert.rejects(ask(), { message: 'enough' });
    over.abort(new Error('enough'));
    await aborted;
    await assert.rejects(ask(), { message: 'enough' });
    assert.equal(listeners.size, 0);
  });

  it('asks the next broker at once', async (t) => {
    const { clock, ask, vanish, appear, answered, looks } = given(t, true);
    const asked = ask();
    await clock.pass(3000);
    assert.equal(looks.length, 1);
    vanish();
    await clock.pass(100_000);
    appear();
    await clock.pass(600);
    assert.equal(looks.length, 2);
    answered({});
    await asked;
  });

  it('hears of other ends', async (t) => {
    const { ask, answered, over, asking } = given(t);
    const next = async (code: string) => {
      const failed = assert.rejects(ask(), { code });
      await new Promise(setImmediate);
      return failed;
    };
    let failed = next('no-reply');
    await new Promise(setImmediate);
    answered({ kind: AnswerKind.None });
    await failed;
    failed = next('dead-letter');
    await new Promise(setImmediate);
    answered({ kind: AnswerKind.Dead, exitCode: 137 });
    await failed;
    const aborted = assert.rejects(ask(), { message: 'enough' });
    over.abort(new Error('enough'));
    await aborted;
    asking.close();
  });

  it('refuses what is too large, so that the rest does not come', async (t) => {
    const { ask, answered } = given(t);
    const asked = assert.rejects(ask(), { code: 'bad-answer' });
    await new Promise(setImmediate);
    const verdicts = answered({ body: Buffer.alloc(5 << 20) }, 4 << 20);
    assert.equal(verdicts[0], Reason.TooLarge);
    await asked;
  });
});
