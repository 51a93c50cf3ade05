import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { producerErrors } from '../../src/client/errors.ts';
import type { Watching } from '../../src/client/frame-tries.ts';
import type { GroupSender } from '../../src/client/group-sender.ts';
import { Outbox } from '../../src/client/outbox.ts';
import type { Entry } from '../../src/codec/batch.ts';
import { linkErrors } from '../../src/link/errors.ts';

/** An outbox whose sender answers each frame when it is told to. */
function given(size = { bytes: 100, messages: 10 }, takesBatches = true) {
  const sent: string[] = [];
  const timeouts: (number | undefined)[] = [];
  const pending: { signal: AbortSignal; end: (error?: unknown) => void }[] = [];
  const sender = {
    takesBatches: () => takesBatches,
    send: (messages: readonly Entry[], { timeoutMs }: Watching, signal: AbortSignal) => {
      sent.push(messages.map(({ body }) => Buffer.from(body)).join(' '));
      timeouts.push(timeoutMs);
      return new Promise<void>((resolve, reject) => {
        const end = (error?: unknown) => (error === undefined ? resolve() : reject(error));
        pending.push({ signal, end });
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
  } as unknown as GroupSender;
  const outbox = new Outbox(sender, { ...size, learn: () => {} } as never);
  /** How each send ended: `text`, or `text: error`. */
  const ended: string[] = [];
  const send = (text: string, options: Watching = {}, signal = new AbortController().signal) => {
    const messages = text.split(' ').map((word) => ({ fields: {}, body: Buffer.from(word) }));
    void outbox.send(messages, options, signal).then(
      () => ended.push(text),
      (error) => ended.push(`${text}: ${error.code ?? error.message}`),
    );
  };
  /** The frame that is under way was accepted, or failed. */
  const answer = async (error?: unknown) => {
    (pending.shift() ?? assert.fail('nothing is under way')).end(error);
    await turn();
  };
  return { send, sent, timeouts, ended, answer, pending };
}

describe('Outbox', () => {
  it('sends the first at once, and together what waits meanwhile, in order', async () => {
    const { send, sent, ended, answer } = given();
    for (const text of ['a', 'b', 'c d', 'e']) send(text);
    assert.deepEqual(sent, ['a']);
    await answer();
    assert.deepEqual([sent, ended], [['a', 'b c d e'], ['a']]);
    send('f');
    await answer();
    assert.deepEqual(
      [sent, ended],
      [
        ['a', 'b c d e', 'f'],
        ['a', 'b', 'c d', 'e'],
      ],
    );
    await answer();
    send('g');
    assert.deepEqual(sent.at(-1), 'g');
    await answer();
    assert.equal(ended.at(-1), 'g');
  });

  it('puts no more into a frame than fits, and never tears what belongs together', async () => {
    const { send, sent, answer } = given({ bytes: 10, messages: 3 });
    for (const text of ['x', 'a b', 'c d', 'e', 'f', '12345', '67890', 'g', 'h i j k', 'l']) {
      send(text);
    }
    while (sent.length < 7) await answer();
    assert.deepEqual(sent, ['x', 'a b', 'c d e', 'f 12345', '67890 g', 'h i j k', 'l']);
  });

  it('sends alone what somebody watches', async () => {
    const { send, sent, answer } = given();
    send('x');
    send('a');
    send('b', { onProgress: () => {} });
    send('c', { onFrame: () => {} });
    send('d');
    send('e');
    while (sent.length < 5) await answer();
    assert.deepEqual(sent, ['x', 'a', 'b', 'c', 'd e']);
  });

  it('sends each alone to a broker that takes one message a frame', async () => {
    const { send, sent, ended, answer } = given(undefined, false);
    for (const text of ['a', 'b', 'c']) send(text);
    for (let n = 0; n < 3; n++) await answer();
    assert.deepEqual(
      [sent, ended],
      [
        ['a', 'b', 'c'],
        ['a', 'b', 'c'],
      ],
    );
  });

  it('is as patient as the most patient of them', async () => {
    const { send, timeouts, answer } = given();
    send('x', { timeoutMs: 5 });
    send('a', { timeoutMs: 10 });
    send('b', { timeoutMs: 30 });
    await answer();
    send('c', { timeoutMs: 10 });
    send('d');
    await answer();
    assert.deepEqual(timeouts, [5, 30, undefined]);
  });

  it('does not send what was given up before its turn', async () => {
    const { send, sent, ended, answer } = given();
    const caller = new AbortController();
    send('x');
    send('a', {}, caller.signal);
    send('b');
    caller.abort(new Error('enough'));
    await turn();
    assert.deepEqual(ended, ['a: enough']);
    send('c', {}, caller.signal);
    await turn();
    assert.deepEqual(ended, ['a: enough', 'c: enough']);
    await answer();
    assert.deepEqual(sent, ['x', 'b']);
    await answer();
    assert.deepEqual(ended.slice(2), ['x', 'b']);
  });

  it('goes on for the others when one of several is given up on the way', async () => {
    const { send, ended, answer, pending } = given();
    const callers = [new AbortController(), new AbortController()] as const;
    send('x');
    send('a', {}, callers[0].signal);
    send('b', {}, callers[1].signal);
    await answer();
    callers[0].abort(new Error('enough'));
    await turn();
    assert.deepEqual(ended, ['x', 'a: enough']);
    assert.equal(pending[0]?.signal.aborted, false);
    await answer();
    assert.deepEqual(ended, ['x', 'a: enough', 'b']);
  });

  it('gives up a frame for which nobody waits any more', async () => {
    const { send, sent, ended, answer, pending } = given();
    const callers = [new AbortController(), new AbortController()] as const;
    send('x');
    send('a', {}, callers[0].signal);
    send('b', {}, callers[1].signal);
    await answer();
    send('c');
    callers[0].abort(new Error('enough'));
    callers[1].abort(new Error('me, too'));
    await turn();
    assert.equal(pending.shift()?.signal.aborted, true);
    assert.deepEqual(ended, ['x', 'a: enough', 'b: me, too']);
    assert.equal(sent.at(-1), 'c');
    await answer();
    assert.equal(ended.at(-1), 'c');
  });

  for (const error of [
    producerErrors.tooLarge(5, 3),
    producerErrors.full(),
    producerErrors.refused(9),
    producerErrors.plainOptions(),
    producerErrors.zeroForPlain(),
  ]) {
    it(`finds out whom of several '${error.code}' is meant for`, async () => {
      const { send, sent, ended, answer } = given();
      send('x');
      for (const text of ['a', 'b', 'c']) send(text);
      await answer();
      await answer(error); // of `a b c`
      await answer();
      await answer(error); // of `b`
      await answer();
      assert.deepEqual(sent, ['x', 'a b c', 'a', 'b', 'c']);
      assert.deepEqual(ended, ['x', 'a', `b: ${error.code}`, 'c']);
    });
  }

  it('does not send alone who has given up by then', async () => {
    const { send, sent, ended, answer } = given();
    const caller = new AbortController();
    send('x');
    send('a');
    send('b', {}, caller.signal);
    await answer();
    caller.abort(new Error('enough'));
    await answer(producerErrors.full());
    await answer();
    assert.deepEqual(sent, ['x', 'a b', 'a']);
    assert.deepEqual(ended, ['x', 'b: enough', 'a']);
  });

  for (const error of [
    linkErrors.stalled(70),
    linkErrors.closed(),
    producerErrors.closing(),
    producerErrors.store(),
    new Error('a bug'),
  ]) {
    const code = 'code' in error ? error.code : error.message;
    it(`tells all of a frame that it failed: ${code}, and sends the next`, async () => {
      const { send, sent, ended, answer } = given();
      send('x');
      send('a');
      send('b');
      await answer();
      send('c');
      await answer(error);
      assert.deepEqual(ended, ['x', `a: ${code}`, `b: ${code}`]);
      assert.deepEqual(sent, ['x', 'a b', 'c']);
      await answer();
      assert.equal(ended.at(-1), 'c');
    });
  }
});
