import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reason } from '../../src/codec/reason.ts';
import { type LinkError, linkErrors } from '../../src/link/errors.ts';
import { reserve, settle } from '../queue/single.ts';
import { until } from '../registry/children.ts';
import { given, opened } from './dispatching.ts';

function pendingAnswer(error: LinkError): LinkError {
  error.answerPending = true;
  return error;
}

describe('EchoDeliveries', () => {
  it('numbers what it sends to a consumer, and says what is not as usual', async (t) => {
    const { store, fake, work } = await given(t, { pid: 71, wishes: 'queues=q,default' });
    const [id = 0] = await store.put('a');
    await store.publish([
      { queue: 'q', body: Buffer.from('b'), priority: 0, headers: [['k', 'v']] },
    ]);
    await reserve(store, ['default'], '1:1');
    await settle(store, id, { kind: 'lost' });
    await work();
    const frames = fake.sent.map(({ frame }) => opened(frame));
    assert.deepEqual(
      frames.map(({ seq, fields }) => [seq, fields]),
      [
        [1, { id, attempt: 2, incarnation: store.incarnation }],
        [2, { queue: 'q', headers: [['k', 'v']] }],
      ],
    );
  });

  it('buries a message that fits in no frame any more, and serves the next', async (t) => {
    const { store, errors, warnings, work, sent } = await given(t, { pid: 71 });
    const headers = [['k', 'x'.repeat(4096)]] as const;
    await store.publish([{ queue: 'default', body: Buffer.from('a'), priority: 0, headers }]);
    await store.put('b');
    await work();
    assert.deepEqual(sent(), ['71:b']);
    assert.deepEqual([await store.states(), errors()], [['dead'], []]);
    assert.match(warnings()[0] ?? '', /^Message \d+ cannot be delivered: /);
  });
});

describe('EchoDeliveries, when a consumer refuses,', () => {
  const refusing = (reason: Reason) => () => ({ kind: 'refused', reason }) as const;

  it('waits for its settlement after `later`, and gives it nothing else meanwhile', async (t) => {
    const { store, fake, inFlight, work, sent, first } = await given(t, { pid: 71 });
    fake.answer = refusing(Reason.Later);
    const [a = 0] = await store.put('a', 'b');
    await work();
    assert.deepEqual([sent(), await store.states()], [['71:a'], ['reserved', 'ready']]);
    await inFlight.settle(first(), a, { kind: 'done' });
    await work();
    assert.deepEqual(sent(), ['71:a', '71:b']);
  });

  for (const reason of [Reason.Failed, Reason.TooLarge]) {
    it(`spends an attempt for reason ${reason}`, async (t) => {
      const { store, fake, work, warnings } = await given(t, { pid: 71 });
      fake.answer = refusing(reason);
      await store.put('a');
      await work();
      assert.deepEqual(await store.states(), ['delayed']);
      assert.equal(warnings().length, reason === Reason.TooLarge ? 1 : 0);
    });
  }

  it('gives it to another when the consumer is closing, without spending an attempt', async (t) => {
    const { store, fake, work, sent } = await given(t, { pid: 71 }, { pid: 72 });
    fake.answer = (pid) => (pid === 71 ? refusing(Reason.Closing)() : { kind: 'accepted' });
    await store.put('a');
    await work();
    assert.deepEqual(sent(), ['71:a', '72:a']);
    assert.deepEqual(
      fake.sent.map(({ frame }) => opened(frame).fields.attempt),
      [undefined, undefined],
    );
  });

  it('sends again at once what arrived damaged, five times in all', async (t) => {
    const { store, fake, work, warnings } = await given(t, { pid: 71 });
    let tries = 0;
    fake.answer = () => (++tries < 5 ? refusing(Reason.Damaged)() : { kind: 'accepted' });
    await store.put('a');
    await work();
    assert.deepEqual([tries, await store.states(), warnings()], [5, [], []]);
    assert.equal(new Set(fake.sent.map(({ frame }) => opened(frame).seq)).size, 1);

    fake.answer = refusing(Reason.Damaged);
    await store.put('b');
    await work();
    assert.deepEqual([fake.sent.length, await store.states()], [10, ['ready']]);
    assert.match(warnings()[0] ?? '', /Every frame reaches consumer 71 damaged/);
  });
});

describe('EchoDeliveries, when a delivery fails,', () => {
  const failing = (error: LinkError) => () => {
    throw error;
  };

  it('gives it to another when it cannot have arrived; the first rests', async (t) => {
    const { clock, store, fake, work, sent, warnings } = await given(t, { pid: 71 }, { pid: 72 });
    fake.answer = (pid) => (pid === 71 ? failing(linkErrors.stalled(71))() : { kind: 'accepted' });
    await store.put('a', 'b', 'c');
    await work();
    assert.deepEqual(sent(), ['71:a', '72:a', '72:b', '72:c']);
    assert.equal(warnings().length, 1);
    fake.answer = () => ({ kind: 'accepted' });
    await clock.pass(260);
    await store.put('d');
    await work();
    assert.equal(sent().at(-1), '71:d');
  });

  it('goes on with the same consumer when it was the bus that was lost, and says nothing', async (t) => {
    const { store, fake, work, sent, warnings } = await given(t, { pid: 71 });
    let tries = 0;
    fake.answer = () => (++tries === 1 ? failing(linkErrors.busLost())() : { kind: 'accepted' });
    await store.put('a');
    await work();
    assert.deepEqual([sent(), warnings()], [['71:a', '71:a'], []]);
  });

  for (const [name, answer] of [
    ['its answer is still to come', failing(pendingAnswer(linkErrors.stalled(71)))],
    ['its answer makes no sense', () => ({ kind: 'out-of-step' }) as const],
  ] as const) {
    it(`sends it to the same consumer again, before anything else, when ${name}`, async (t) => {
      const { clock, store, fake, work, sent } = await given(t, { pid: 71 }, { pid: 72 });
      fake.answer = (pid) => (pid === 71 ? answer() : { kind: 'accepted' });
      await store.put('a', 'b');
      await work();
      assert.deepEqual(new Set(sent()), new Set(['71:a', '72:b']));
      assert.deepEqual(await store.states(), ['reserved']);
      fake.answer = () => ({ kind: 'accepted' });
      fake.sent.length = 0;
      await clock.pass(260);
      assert.deepEqual(sent(), ['71:a']);
      assert.deepEqual(await store.states(), []);
      const attempts = fake.sent.map(({ frame }) => opened(frame).fields.attempt);
      assert.ok(
        attempts.every((attempt) => attempt === undefined),
        'under the same attempt',
      );
    });
  }

  for (const error of [linkErrors.busLost(), linkErrors.stalled(71), linkErrors.outOfStep(71)]) {
    it(`gives to nobody else what may have arrived before ${error.code}`, async (t) => {
      const { clock, store, fake, work, sent } = await given(t, { pid: 71 }, { pid: 72 });
      fake.first.push({ kind: 'out-of-step' }, error);
      await store.put('a');
      await work();
      assert.deepEqual(new Set(sent()), new Set(['71:a']));
      await clock.pass(260);
      assert.deepEqual([new Set(sent()), await store.states()], [new Set(['71:a']), []]);
    });
  }

  it('does not send what is owed to who is stopped, and goes on when it is continued', async (t) => {
    const { clock, run, store, fake, work, sent } = await given(t, { pid: 71 });
    fake.answer = failing(pendingAnswer(linkErrors.stalled(71)));
    await store.put('a');
    await work();
    run({ pid: 71, state: 'T' });
    fake.answer = () => ({ kind: 'accepted' });
    await clock.pass(2000);
    assert.equal(sent().length, 1);
    run({ pid: 71 });
    await clock.pass(1000);
    assert.deepEqual(sent(), ['71:a', '71:a']);
  });

  for (const [pending, state] of [
    [false, 'first'],
    [true, 'second'],
  ] as const) {
    it(`is the ${state} attempt for the next when it has ended`, async (t) => {
      const { run, store, fake, work, sent } = await given(t, { pid: 71 }, { pid: 72 });
      const gone = linkErrors.gone(71);
      fake.answer = (pid) => {
        if (pid === 72) return { kind: 'accepted' };
        run({ pid: 72 });
        throw pending ? pendingAnswer(gone) : gone;
      };
      await store.put('a');
      await work();
      await until(() => fake.sent.length > 1);
      assert.deepEqual(sent(), ['71:a', '72:a']);
      assert.equal(
        opened(fake.sent[1]?.frame as Uint8Array).fields.attempt,
        pending ? 2 : undefined,
      );
    });
  }

  it('spends no attempt of a consumer that was seen to end in the middle of it', async (t) => {
    const { run, store, fake, refresh, work, sent } = await given(t, { pid: 71 }, { pid: 72 });
    fake.answer = async (pid) => {
      if (pid === 72) return { kind: 'accepted' };
      run({ pid: 72 });
      refresh();
      throw linkErrors.gone(71);
    };
    await store.put('a');
    await work();
    await until(() => fake.sent.length > 1);
    assert.deepEqual(sent(), ['71:a', '72:a']);
    assert.equal(opened(fake.sent[1]?.frame as Uint8Array).fields.attempt, undefined);
  });

  it('loses what is owed to a consumer that ended while the bus could not be taken', async (t) => {
    const { clock, run, store, fake, refresh, work, sent } = await given(t, { pid: 71 });
    let fail = (_: Error) => {};
    fake.busFree = new Promise((_, reject) => {
      fail = reject;
    });
    await store.put('a');
    await work();
    run({ pid: 72 });
    refresh();
    fail(new Error('no such directory'));
    await work();
    assert.deepEqual([sent(), await store.states()], [[], ['ready']]);
    await clock.pass(10);
  });

  it('goes on after a second when the bus cannot be taken', async (t) => {
    const { clock, store, fake, errors, work, sent } = await given(t, { pid: 71 });
    fake.busFails = new Error('no such directory');
    await store.put('a', 'b');
    await work();
    assert.deepEqual([errors(), sent()], [[fake.busFails], []]);
    fake.busFails = undefined;
    await clock.pass(1300);
    assert.deepEqual(sent(), ['71:a', '71:b']);
  });

  it('reports a bug, and goes on after a second with the message that it was about', async (t) => {
    const { clock, store, fake, errors, work, sent } = await given(t, { pid: 71 });
    let calls = 0;
    fake.answer = () => (++calls === 1 ? assert.fail('a bug') : { kind: 'accepted' });
    await store.put('a', 'b');
    await work();
    assert.equal(errors().length, 1);
    await clock.pass(1300);
    assert.deepEqual(sent(), ['71:a', '71:a', '71:b']);
  });
});
