import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Requester } from '../../src/client/requester.ts';
import { decodeFrame, type Envelope } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import { pack } from '../../src/link/brotli.ts';
import { linkErrors } from '../../src/link/errors.ts';
import { NOTHING_MORE } from '../../src/link/messages.ts';
import { partFrame, replyFrame, requestOf } from '../../src/link/request.ts';
import { settlementsFrame } from '../../src/link/settlement.ts';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { FakeEndpoint } from '../broker/fakes.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';

const BROKER = 70;

const opened = (frame: Uint8Array): Envelope => {
  const decoded = decodeFrame(frame.subarray(0, -1));
  assert.ok(decoded.kind === 'envelope');
  return decoded.envelope;
};

/** A broker that replies with what `reply` makes of a request, before it answers the frame. */
function given(t: TestContext, reply?: (content: unknown) => unknown, isEcho = true) {
  const dir = tempDir(t);
  writeFileSync(join(dir, 'broker.pid'), `${BROKER}\n`);
  const known = fakeTable({ pid: BROKER, blocksBoth: isEcho });
  const infos = new Map([BROKER, known.selfPid].map((pid) => [pid, known.read(pid)]));
  const table = { ...known, read: (pid: number) => infos.get(pid) };
  const fake = new FakeEndpoint();
  const requester = new Requester(dir, table, fake.endpoint);
  const verdicts: unknown[] = [];
  let number = 0;
  fake.answer = (_pid, frame) => {
    const note = requestOf(opened(frame)) ?? assert.fail('no request');
    number = note.number;
    if (reply) {
      const content = reply(note.content);
      verdicts.push(requester.judge(opened(replyFrame({ number: note.number, content }))));
    }
    return { kind: 'accepted' };
  };
  /** Of the request that was sent last. */
  const last = () => number;
  return { requester, fake, verdicts, infos, last };
}

describe('Requester', () => {
  it('gives the answer to each of several requests to who asked it', async (t) => {
    const { requester, verdicts } = given(t, (content) => ({ ok: content }));
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => requester.ask(n))), [1, 2, 3]);
    assert.deepEqual(verdicts, [0, 0, 0]);
  });

  const LONG = 'a long answer, '.repeat(100);
  /** Sends a reply in parts of so many bytes. */
  const inParts = async (content: unknown, size: number) => {
    const { bytes, unpacked } = await pack(Buffer.from(JSON.stringify(content)));
    const total = bytes.length;
    return Array.from({ length: Math.ceil(total / size) }, (_, n) => ({
      ...{ number: 0, offset: n * size, total, unpacked },
      bytes: bytes.subarray(n * size, (n + 1) * size),
    }));
  };

  it('puts together what comes in parts', async (t) => {
    const { requester, last } = given(t);
    const asking = requester.ask({});
    await turn();
    for (const part of await inParts({ ok: LONG }, 10)) {
      assert.equal(requester.judge(opened(partFrame({ ...part, number: last() }))), 0);
    }
    assert.equal(await asking, LONG);
  });

  it('has patience as long as parts come', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    const { requester, last } = given(t);
    const asking = requester.ask({});
    await turn();
    const parts = await inParts({ ok: LONG }, 10);
    assert.ok(parts.length > 3);
    for (const part of parts) {
      t.mock.timers.tick(29_000);
      requester.judge(opened(partFrame({ ...part, number: last() })));
    }
    assert.equal(await asking, LONG);
  });

  it('refuses parts that nobody waits for, so that no more come', async (t) => {
    const { requester } = given(t);
    const [part] = await inParts({ ok: LONG }, 10);
    assert.equal(requester.judge(opened(partFrame(part ?? assert.fail()))), Reason.Unknown);
  });

  it('fails at an answer that is too large, or cannot be read', async (t) => {
    const { requester, last } = given(t);
    const bytes = Buffer.from('junk');
    for (const part of [
      { bytes, total: 2 ** 40, unpacked: undefined },
      { bytes, total: 4, unpacked: undefined },
      { bytes, total: 4, unpacked: 100 },
    ]) {
      const asking = requester.ask({});
      const failed = assert.rejects(asking, { code: 'bad-answer', exitCode: 1 });
      await turn();
      requester.judge(opened(partFrame({ number: last(), offset: 0, ...part })));
      await failed;
    }
  });

  it('says so at once when the broker that was asked ends', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    const { requester, infos } = given(t);
    const failed = assert.rejects(requester.ask({}), { code: 'broker-gone', exitCode: 69 });
    await turn();
    t.mock.timers.tick(5000);
    await turn();
    infos.delete(BROKER);
    t.mock.timers.tick(500);
    await failed;
  });

  it('fails with what the broker says', async (t) => {
    const { requester } = given(t, () => ({ error: 'No.' }));
    await assert.rejects(requester.ask({}), { code: 'request-failed', message: /says: No\./ });
  });

  it('takes no other control frame, and a late reply without a word', (t) => {
    const { requester } = given(t);
    const done = { id: 1, delivery: 1, incarnation: 5, verb: 'd' } as const;
    const settlement = opened(settlementsFrame([done], NOTHING_MORE));
    assert.equal(requester.judge(settlement), Reason.Unsupported);
    assert.equal(requester.judge(opened(replyFrame({ number: 9999, content: {} }))), 0);
  });

  it('asks again when the frame is damaged, or the peer slow', async (t) => {
    const { requester, fake } = given(t, () => ({ ok: 1 }));
    const answer = fake.answer;
    const before: (() => never | { kind: 'refused'; reason: Reason } | { kind: 'out-of-step' })[] =
      [
        () => ({ kind: 'refused', reason: Reason.Damaged }),
        () => ({ kind: 'out-of-step' }),
        () => {
          throw linkErrors.stalled(BROKER);
        },
      ];
    fake.answer = (pid, frame) => before.shift()?.() ?? answer(pid, frame);
    assert.equal(await requester.ask({}), 1);
    assert.equal(fake.sent.length, 4);
    assert.equal(new Set(fake.sent.map(({ frame }) => String(frame))).size, 1);
  });

  it('does not ask again who refuses, who is gone, or what is broken', async (t) => {
    const { requester, fake } = given(t);
    fake.answer = () => ({ kind: 'refused', reason: Reason.Unsupported });
    await assert.rejects(requester.ask({}), { code: 'refused' });
    fake.answer = () => {
      throw linkErrors.gone(BROKER);
    };
    await assert.rejects(requester.ask({}), { code: 'peer-gone' });
    fake.busFails = new Error('no directory');
    await assert.rejects(requester.ask({}), /no directory/);
    assert.equal(fake.sent.length, 2);
  });

  it('asks no plain broker, and not without one', async (t) => {
    await assert.rejects(given(t, undefined, false).requester.ask({}), { code: 'plain-broker' });
    const nowhere = new Requester(tempDir(t), fakeTable(), new FakeEndpoint().endpoint);
    await assert.rejects(nowhere.ask({}), { code: 'no-broker' });
  });

  it('gives up after 30 s without an answer', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { requester } = given(t);
    const asking = requester.ask({});
    const failed = assert.rejects(asking, { code: 'no-answer', exitCode: 75 });
    await turn();
    t.mock.timers.tick(29_999);
    let isOver = false;
    void asking.catch(() => {
      isOver = true;
    });
    await turn();
    assert.equal(isOver, false);
    t.mock.timers.tick(1);
    await failed;
  });

  it('says that the broker was stopped before it answered', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { requester, infos } = given(t);
    const failed = assert.rejects(requester.ask({}), { code: 'broker-stopped', exitCode: 75 });
    await turn();
    infos.set(BROKER, { ...(infos.get(BROKER) as ProcessInfo), state: 'T' });
    t.mock.timers.tick(30_000);
    await failed;
  });
});
