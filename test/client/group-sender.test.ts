import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Watching } from '../../src/client/frame-tries.ts';
import { GroupSender } from '../../src/client/group-sender.ts';
import { fieldsOf, type SendOptions, type SentFrame } from '../../src/client/send-options.ts';
import { decodeFrame, seqOf } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import { BatchSize } from '../../src/link/batch-size.ts';
import { linkErrors } from '../../src/link/errors.ts';
import type { FrameOutcome } from '../../src/link/frame-sender.ts';
import { messagesOf } from '../../src/link/messages.ts';
import { Packer } from '../../src/link/model.ts';
import { FakeEndpoint } from '../broker/fakes.ts';
import { FakeClock } from '../link/fakes.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';

const BROKER = 70;
const OTHER = 71;

const opened = (frame: Uint8Array) => {
  const decoded = decodeFrame(frame.subarray(0, -1));
  assert.ok(decoded.kind === 'envelope');
  return decoded.envelope;
};

/** The bodies in a frame, each with its fields. */
const contentsOf = (frame: Uint8Array) => {
  const entries = messagesOf(opened(frame), 1000);
  assert.ok(Array.isArray(entries));
  return entries.map(({ fields, body }) => [Buffer.from(body).toString(), fields]);
};

const refused = (reason: Reason): FrameOutcome => ({ kind: 'refused', reason });

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** A sender whose clock moves when it is told to, and a broker that answers the first tries as given. */
function given(
  t: TestContext,
  {
    wait = false,
    maxMessageBytes = 100,
    isEcho = true,
    hasAddon = true,
    accepts = 'batch,brotli',
    compress = true,
  } = {},
) {
  const clock = new FakeClock(t);
  clock.stopSleeps();
  const dir = tempDir(t);
  const become = (pid: number, incarnation = 5) => {
    const info = { pid, start: 500, maxMessageBytes, incarnation, accepts };
    writeFileSync(join(dir, 'broker.pid'), `${pid}\n`);
    writeFileSync(join(dir, 'broker.json'), JSON.stringify(info));
  };
  become(BROKER);
  const table = fakeTable({ pid: BROKER, blocksBoth: isEcho }, { pid: OTHER });
  const fake = new FakeEndpoint();
  fake.hasAddon = hasAddon;
  const size = new BatchSize();
  const { endpoint } = fake;
  const to = { dir, table, endpoint, wait, size, isPlainText: !compress };
  const sender = new GroupSender(to);
  const send = (
    texts: readonly string[],
    options: SendOptions & Pick<Watching, 'following'> = {},
    signal = new AbortController().signal,
  ) => {
    const sending = { error: undefined as unknown, isOver: false };
    const fields = fieldsOf(options);
    const messages = texts.map((text) => ({ fields, body: Buffer.from(text) }));
    const done = sender.send(messages, options, signal).catch((error) => {
      sending.error = error;
    });
    void done.then(() => {
      sending.isOver = true;
    });
    return sending;
  };
  /** Sends, and gives it all the time that it can need. */
  const sent = async (...args: Parameters<typeof send>) => {
    const sending = send(...args);
    for (let n = 0; n < 1000 && !sending.isOver; n++) await clock.pass(10);
    assert.ok(sending.isOver);
    if (sending.error) throw sending.error;
  };
  return { dir, clock, fake, first: fake.first, size, become, send, sent };
}

describe('GroupSender', () => {
  it('puts a group into one frame under one number, in one hold of the bus', async (t) => {
    const { fake, sent } = given(t);
    fake.numbers = { number: 253, knownTo: 5, packer: new Packer() };
    await sent(['a', 'b', 'c'], { queue: 'q' });
    const queue = 'q';
    assert.deepEqual(
      fake.sent.map(({ frame }) => {
        const { seq, control, fields } = opened(frame);
        return [seq, control, fields, contentsOf(frame)];
      }),
      [[126, false, { queue, count: 3 }, ['a', 'b', 'c'].map((body) => [body, { queue }])]],
    );
    assert.equal(fake.holds, 1);
  });

  for (const [accepts, count] of [
    ['batch,model2', 1],
    ['batch', 0],
    ['', 0],
  ] as const) {
    it(`packs what follows while a frame is on its way, if the broker knows how: '${accepts}'`, async (t) => {
      const text = (n: number) => 'what was packed before is packed better '.repeat(20) + n;
      const { fake, sent } = given(t, { accepts, maxMessageBytes: 1000 });
      const ahead = t.mock.method(fake.numbers.packer, 'packAhead');
      fake.answer = () => {
        assert.equal(ahead.mock.callCount(), count);
        return { kind: 'accepted' };
      };
      const following = () => [{ fields: {}, body: Buffer.from(text(2)) }];
      await sent([text(0), text(1)], { following });
      assert.equal(ahead.mock.callCount(), count);
      await sent([text(2)], { following: () => [] });
      assert.equal(ahead.mock.callCount(), count);
    });
  }

  it('sends one message as it is', async (t) => {
    const { fake, sent } = given(t);
    await sent(['a'], { queue: 'q' });
    const frame = fake.sent[0]?.frame as Uint8Array;
    const { fields, body } = opened(frame);
    assert.deepEqual([fields, Buffer.from(body).toString()], [{ queue: 'q' }, 'a']);
  });

  it('sends one frame after the other to a broker that takes no batches', async (t) => {
    const { fake, first, sent } = given(t, { accepts: '' });
    await sent(['a', 'b', 'c'], { queue: 'q' });
    const contents = () => fake.sent.flatMap(({ frame }) => contentsOf(frame));
    assert.deepEqual(
      contents(),
      ['a', 'b', 'c'].map((body) => [body, { queue: 'q' }]),
    );
    assert.ok(fake.sent.every(({ frame }) => opened(frame).fields.count === undefined));
    fake.sent.length = 0;
    first.push({ kind: 'accepted' }, refused(Reason.Full));
    await assert.rejects(sent(['a', 'b', 'c']), { code: 'full', exitCode: 75 });
    assert.equal(fake.sent.length, 2);
  });

  it('packs what gets smaller, unless broker or caller want it as it is', async (t) => {
    for (const [accepts, compress, isPacked] of [
      ['batch,brotli', true, true],
      ['batch', true, false],
      ['batch,brotli', false, false],
      ['', true, false],
    ] as const) {
      await t.test(`${accepts || 'nothing'} ${compress}`, async (t) => {
        const { fake, sent } = given(t, { accepts, compress, maxMessageBytes: 2000 });
        await sent(['x'.repeat(1000)]);
        const frame = fake.sent[0]?.frame as Uint8Array;
        assert.equal(opened(frame).fields.unpacked, isPacked ? 1000 : undefined);
        assert.equal(frame.length < 100, isPacked);
        assert.deepEqual(contentsOf(frame), [['x'.repeat(1000), {}]]);
      });
    }
  });

  it('learns how long its frames take', async (t) => {
    const { clock, fake, size, sent } = given(t, { maxMessageBytes: 5000 });
    const { bytes } = size;
    fake.answer = () => {
      clock.ms += 10;
      return { kind: 'accepted' };
    };
    await sent(['x'.repeat(2000), 'y'.repeat(1000)]);
    assert.ok(size.bytes > bytes);
    fake.answer = () => {
      clock.ms += 1000;
      return { kind: 'accepted' };
    };
    await sent(['x'.repeat(2000)]);
    assert.ok(size.bytes < bytes);
  });

  const numbers = (fake: FakeEndpoint) =>
    fake.sent.map(({ frame }) => {
      const { seq, fields } = opened(frame);
      return fields.number ?? `${seq}`;
    });

  it('says the whole number to who has not confirmed the frame before', async (t) => {
    const { fake, sent } = given(t);
    for (const knownTo of [undefined, 4]) {
      for (const first of [1, 300]) {
        fake.sent.length = 0;
        fake.numbers = { number: first, knownTo, packer: new Packer() };
        await sent(['a', 'b']);
        assert.deepEqual(numbers(fake), [first]);
      }
    }
    fake.sent.length = 0;
    fake.numbers = { number: 300, knownTo: 5, packer: new Packer() };
    await sent(['a', 'b']);
    assert.deepEqual(numbers(fake), [String(seqOf(300))]);
  });

  it('says it again when it is not known whether the frame arrived, or it is asked for', async (t) => {
    const { fake, first, sent } = given(t);
    for (const failure of [linkErrors.stalled(BROKER), refused(Reason.Unknown)]) {
      fake.sent.length = 0;
      fake.numbers = { number: 300, knownTo: 5, packer: new Packer() };
      first.push(failure);
      await sent(['a', 'b']);
      assert.deepEqual(numbers(fake), [String(seqOf(300)), 300]);
    }
  });

  it('sends the whole group again, as it was, when its frame arrives damaged or the link fails', async (t) => {
    const { fake, first, sent } = given(t);
    first.push(refused(Reason.Damaged), { kind: 'out-of-step' }, linkErrors.busLost());
    first.push(linkErrors.stalled(BROKER), linkErrors.outOfStep(BROKER));
    await sent(['a', 'b']);
    assert.equal(fake.holds, 6);
    assert.equal(fake.sent.length, 6);
    assert.deepEqual(numbers(fake).map(Number), Array(6).fill(0));
    for (const { frame } of fake.sent) {
      assert.deepEqual(contentsOf(frame), [
        ['a', {}],
        ['b', {}],
      ]);
    }
  });

  it('gives up after 20 frames that arrive damaged', async (t) => {
    for (const outcome of [refused(Reason.Damaged), { kind: 'out-of-step' } as const]) {
      await t.test(outcome.kind, async (t) => {
        const { fake, sent } = given(t);
        fake.answer = () => outcome;
        await assert.rejects(sent(['a']), { code: 'unconfirmed', exitCode: 75 });
        assert.equal(fake.sent.length, 20);
      });
    }
  });

  it('gives up at once what the broker refuses, and says why', async (t) => {
    const { fake, first, sent } = given(t);
    const codes = [
      [Reason.TooLarge, 'too-large', 65],
      [Reason.Full, 'full', 75],
      [Reason.Store, 'store', 75],
      [Reason.Closing, 'closing', 69],
      [Reason.Unsupported, 'refused', 65],
    ] as const;
    for (const [reason, code, exitCode] of codes) {
      first.push(refused(reason));
      await assert.rejects(sent(['a']), { code, exitCode });
    }
    assert.equal(fake.sent.length, codes.length);
  });

  it('gives up at once when the broker is gone, or the link is broken', async (t) => {
    const { dir, fake, first, sent } = given(t);
    for (const error of [linkErrors.gone(BROKER), linkErrors.notEcho(BROKER), new Error('bug')]) {
      first.push(error);
      await assert.rejects(sent(['a']), { message: error.message });
    }
    fake.busFails = new Error('no directory');
    await assert.rejects(sent(['a']), /no directory/);
    rmSync(join(dir, 'broker.pid'));
    await assert.rejects(sent(['a']), { code: 'no-broker', exitCode: 69 });
    assert.deepEqual([fake.sent.length, fake.holds], [3, 4]);
  });

  it('sends no message that is larger than the broker takes, nor any beside it', async (t) => {
    const { fake, sent } = given(t, { maxMessageBytes: 3 });
    await assert.rejects(sent(['a', 'abcd']), {
      code: 'too-large',
      message: /4 bytes.*accepts at most 3/,
    });
    assert.equal(fake.holds, 0);
    await sent(['abc']);
  });

  it('bears with a broker that does not answer for 5 s, or until its signal says otherwise', async (t) => {
    const { clock, fake, send } = given(t);
    fake.answer = (_pid, _frame, options) => {
      options?.signal?.throwIfAborted();
      throw linkErrors.stalled(BROKER);
    };
    const bound = new AbortController();
    // With a timeout: the end is always that of the signal, whatever goes wrong by then.
    const [patient, bounded] = [send(['a']), send(['b'], { timeoutMs: 8000 }, bound.signal)];
    await clock.pass(4900);
    assert.deepEqual([patient.isOver, bounded.isOver], [false, false]);
    await clock.pass(200);
    assert.deepEqual([patient.isOver, bounded.isOver], [true, false]);
    assert.match(String(patient.error), /does not answer/);
    await clock.pass(2900);
    bound.abort(new Error('time is up'));
    await clock.pass(100);
    assert.match(String(bounded.error), /time is up/);
    const tries = fake.sent.length;
    await clock.pass(1000);
    assert.equal(fake.sent.length, tries);
  });

  it('counts its patience from the last echo: a long frame may be interrupted late', async (t) => {
    const { clock, fake, send } = given(t);
    let echoed = 0;
    fake.answer = (_pid, _frame, options) => {
      if (echoed < 100) options?.onProgress?.(++echoed, 1000);
      throw linkErrors.stalled(BROKER);
    };
    const sending = send(['a']);
    await clock.pass(9000);
    assert.equal(sending.isOver, false);
    assert.equal(echoed, 100);
    await clock.pass(2000);
    assert.equal(sending.isOver, true);
  });

  it('does not count the wait for the bus, however often: others have it, and the broker is not silent', async (t) => {
    const { clock, fake, first, send } = given(t);
    const bus = withResolvers();
    fake.busFree = bus.promise;
    first.push(linkErrors.stalled(BROKER), linkErrors.busLost());
    const sending = send(['a']);
    await clock.pass(9000);
    const again = withResolvers();
    fake.busFree = again.promise;
    bus.resolve();
    await clock.pass(9000);
    assert.equal(sending.isOver, false);
    assert.equal(fake.sent.length, 1);
    fake.busFree = undefined;
    again.resolve();
    await clock.pass(1000);
    assert.equal(sending.isOver, true);
    assert.equal(sending.error, undefined);
    assert.equal(fake.sent.length, 3);
  });

  it('waits for another broker, with the same numbers, when it is to', async (t) => {
    const { dir, clock, fake, first, become, send } = given(t, { wait: true });
    first.push(linkErrors.stalled(BROKER), refused(Reason.Closing), linkErrors.gone(BROKER));
    const sending = send(['a'], { timeoutMs: 1 });
    await turn();
    await clock.pass(100);
    rmSync(join(dir, 'broker.pid'));
    await clock.pass(10_000);
    assert.equal(sending.isOver, false);
    become(OTHER);
    await clock.pass(100);
    assert.deepEqual([sending.isOver, sending.error], [true, undefined]);
    assert.deepEqual(
      fake.sent.map(({ pid }) => pid),
      [BROKER, BROKER, BROKER, OTHER],
    );
    assert.deepEqual(numbers(fake), ['0', '0', '0', '0']);
  });

  it('waits for no broker that will refuse it again', async (t) => {
    const { first, sent } = given(t, { wait: true });
    first.push(refused(Reason.Full));
    await assert.rejects(sent(['a']), { code: 'full' });
    await assert.rejects(sent(['a'.repeat(101)]), { code: 'too-large' });
  });

  it('ends the wait for a broker, for the bus, and between two tries when the signal aborts', async (t) => {
    const { dir, clock, fake, send } = given(t, { wait: true });
    const caller = new AbortController();
    fake.answer = () => {
      throw linkErrors.stalled(BROKER);
    };
    const trying = send(['a'], {}, caller.signal);
    await clock.pass(10);
    rmSync(join(dir, 'broker.pid'));
    const waiting = send(['b'], {}, caller.signal);
    await clock.pass(10);
    caller.abort(new Error('enough'));
    await turn();
    for (const sending of [trying, waiting, send(['c'], {}, caller.signal)]) {
      await turn();
      assert.match(String(sending.error), /enough/);
    }
    assert.equal(fake.sent.length, 1);
  });

  it('shows the frame with its echoes, and the progress of the whole group', async (t) => {
    const { fake, sent } = given(t);
    fake.answer = (_pid, frame, options) => {
      options?.onEcho?.(1);
      options?.onProgress?.(frame.length * 8, frame.length * 8);
      return { kind: 'accepted' };
    };
    const frames: SentFrame[] = [];
    const progress: [number, number][] = [];
    await sent(['a', 'bc'], {
      onFrame: (frame) => frames.push(frame),
      onProgress: (...bits) => progress.push(bits),
    });
    const frame = fake.sent[0]?.frame as Uint8Array;
    assert.deepEqual(frames, [{ frame, echoes: [1] }]);
    assert.deepEqual(progress, [[frame.length * 8, frame.length * 8]]);
    assert.equal(fake.sent.length, 1);
  });

  it('sends to a plain broker, and without the addon to any, as plain peers do', async (t) => {
    for (const isEcho of [false, true]) {
      await t.test(isEcho ? 'without the addon' : 'plain broker', async (t) => {
        const { fake, sent } = given(t, { isEcho, hasAddon: !isEcho });
        const bodies: string[] = [];
        fake.paced = async (_pid, body) => void bodies.push(Buffer.from(body).toString());
        await sent(['a', 'b']);
        assert.deepEqual([bodies, fake.holds, fake.sent.length], [['a', 'b'], 1, 0]);
        await assert.rejects(sent(['a'], { queue: 'q' }), { code: 'plain-broker' });
      });
    }
  });
});
