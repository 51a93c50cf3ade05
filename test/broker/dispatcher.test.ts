import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Dispatcher } from '../../src/broker/dispatcher.ts';
import { Holdings } from '../../src/broker/holdings.ts';
import { Roster } from '../../src/broker/roster.ts';
import { decodeFrame } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import { type LinkError, linkErrors } from '../../src/link/errors.ts';
import type { ProcessInfo } from '../../src/registry/process-table.ts';
import { FakeClock } from '../link/fakes.ts';
import { tempDir, until } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeEndpoint, FakeStore } from './fakes.ts';

type Process = Partial<ProcessInfo> & { pid: number };

const plain = { blocksBoth: false };

/** Echo peers unless they are said to be something else, all of them consumers in this order. */
async function given(t: TestContext, ...consumers: (Process & { wishes?: string })[]) {
  const clock = new FakeClock(t);
  const dir = tempDir(t);
  let table = fakeTable(...consumers);
  const run = (...processes: Process[]) => {
    table = fakeTable(...processes);
  };
  writeFileSync(
    join(dir, 'consumers.txt'),
    consumers.map(({ pid, wishes = '' }) => `${pid} ${wishes}\n`).join(''),
  );
  const store = new FakeStore();
  const fake = new FakeEndpoint();
  const warnings: string[] = [];
  const errors: unknown[] = [];
  let delivered = 0;
  const onWarning = (sentence: string) => warnings.push(sentence);
  const onError = (error: unknown) => errors.push(error);
  const onChange = () => dispatcher.wake();
  const holdings = new Holdings({ store, ackWaitMs: 60_000, onWarning, onError, onChange });
  const roster = new Roster({
    dir,
    table: { ...table, read: (pid) => table.read(pid) },
    onWarning,
    onLeft: () => {},
    onEnded: (consumer) => void holdings.lose(consumer),
  });
  await roster.refresh();
  const onDelivered = () => delivered++;
  const { endpoint } = fake;
  const dispatcher = new Dispatcher({
    ...{ store, roster, endpoint, holdings, onWarning, onError, onDelivered },
  });
  t.after(() => dispatcher.stop());
  /** Lets it do all that it can do now. */
  const work = async () => {
    dispatcher.wake();
    for (let n = 0; n < 50; n++) await turn();
  };
  /** `pid:body` of all deliveries, in order. */
  const sent = () => fake.sent.map(({ pid, frame }) => `${pid}:${textOf(frame)}`);
  const first = () => roster.all[0] ?? assert.fail('there is no consumer');
  return {
    ...{
      clock,
      run,
      store,
      fake,
      warnings,
      errors,
      holdings,
      roster,
      dispatcher,
      work,
      sent,
      first,
    },
    delivered: () => delivered,
  };
}

function opened(frame: Uint8Array) {
  const decoded = decodeFrame(frame.subarray(0, -1));
  assert.ok(decoded.kind === 'envelope');
  return decoded.envelope;
}

const textOf = (frame: Uint8Array) => Buffer.from(opened(frame).body).toString();

function pendingAnswer(error: LinkError): LinkError {
  error.answerPending = true;
  return error;
}

describe('Dispatcher', () => {
  it('gives messages to consumers strictly in turn, in one hold of the bus', async (t) => {
    const { store, fake, work, sent, delivered } = await given(t, { pid: 71 }, { pid: 72 });
    await store.put('a', 'b', 'c', 'd', 'e');
    await work();
    assert.deepEqual(sent(), ['71:a', '72:b', '71:c', '72:d', '71:e']);
    assert.deepEqual([await store.states(), delivered(), fake.holds], [[], 5, 1]);
  });

  it('waits for a message', async (t) => {
    const { store, fake, work, sent } = await given(t, { pid: 71 });
    await work();
    assert.equal(fake.holds, 0);
    await store.put('a');
    await work();
    assert.deepEqual(sent(), ['71:a']);
  });

  it('keeps messages while there is no consumer', async (t) => {
    const { store, work } = await given(t);
    await store.put('a');
    await work();
    assert.deepEqual(await store.states(), ['ready']);
  });

  it('numbers what it sends to a consumer, and says what is not as usual', async (t) => {
    const { store, fake, work } = await given(t, { pid: 71, wishes: 'queues=q,default' });
    const [id = 0] = await store.put('a');
    await store.publish([
      { queue: 'q', body: Buffer.from('b'), priority: 0, headers: [['k', 'v']] },
    ]);
    await store.reserve(['default'], '1:1');
    await store.settle(id, { kind: 'lost' });
    await work();
    const frames = fake.sent.map(({ frame }) => opened(frame));
    assert.deepEqual(
      frames.map(({ seq, fields }) => [seq, fields]),
      [
        [1, { id, attempt: 2 }],
        [2, { id: id + 1, queue: 'q', headers: [['k', 'v']] }],
      ],
    );
  });

  it('lets others have the bus after 50 ms', async (t) => {
    const { clock, store, fake, work, sent } = await given(t, { pid: 71 });
    fake.answer = () => {
      clock.ms += 20;
      return { kind: 'accepted' };
    };
    await store.put('a', 'b', 'c', 'd', 'e');
    await work();
    assert.equal(sent().length, 5);
    assert.equal(fake.holds, 2);
  });

  it('leaves a stopped consumer alone and serves the others', async (t) => {
    const { clock, run, store, work, sent } = await given(t, { pid: 71, state: 'T' }, { pid: 72 });
    await store.put('a', 'b');
    await work();
    assert.deepEqual(sent(), ['72:a', '72:b']);
    run({ pid: 71 }, { pid: 72, state: 'T' });
    await store.put('c');
    await work();
    assert.equal(sent().length, 2, 'the one rests, the other is stopped');
    await clock.pass(260);
    assert.deepEqual(sent().slice(2), ['71:c']);
  });

  it('sends nothing after it was stopped', async (t) => {
    const { store, dispatcher, work, sent } = await given(t, { pid: 71 });
    await dispatcher.stop();
    await store.put('a');
    await work();
    assert.deepEqual(sent(), []);
  });

  it('tries again in a second when the store cannot be read', async (t) => {
    const { clock, store, errors, work, sent } = await given(t, { pid: 71 });
    await store.put('a');
    store.failing.set('reserve', new Error('disk'));
    await work();
    assert.equal(errors.length, 1);
    store.failing.clear();
    await clock.pass(900);
    assert.deepEqual(sent(), []);
    await clock.pass(200);
    assert.deepEqual(sent(), ['71:a']);
  });

  it('buries a message that fits in no frame any more, and serves the next', async (t) => {
    const { store, errors, warnings, work, sent } = await given(t, { pid: 71 });
    const headers = [['k', 'x'.repeat(4096)]] as const;
    await store.publish([{ queue: 'default', body: Buffer.from('a'), priority: 0, headers }]);
    await store.put('b');
    await work();
    assert.deepEqual(sent(), ['71:b']);
    assert.deepEqual([await store.states(), errors], [['dead'], []]);
    assert.match(warnings[0] ?? '', /^Message \d+ cannot be delivered: /);
  });
});

describe('Dispatcher, when a consumer refuses,', () => {
  const refusing = (reason: Reason) => () => ({ kind: 'refused', reason }) as const;

  it('waits for its settlement after `later`, and gives it nothing else meanwhile', async (t) => {
    const { store, fake, holdings, work, sent, first } = await given(t, { pid: 71 });
    fake.answer = refusing(Reason.Later);
    const [a = 0] = await store.put('a', 'b');
    await work();
    assert.deepEqual([sent(), await store.states()], [['71:a'], ['reserved', 'ready']]);
    await holdings.settle(first(), a, { kind: 'done' }, 1);
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
      assert.equal(warnings.length, reason === Reason.TooLarge ? 1 : 0);
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
    assert.deepEqual([tries, await store.states(), warnings], [5, [], []]);
    assert.equal(new Set(fake.sent.map(({ frame }) => opened(frame).seq)).size, 1);

    fake.answer = refusing(Reason.Damaged);
    await store.put('b');
    await work();
    assert.deepEqual([fake.sent.length, await store.states()], [10, ['ready']]);
    assert.match(warnings[0] ?? '', /71 gets every frame damaged/);
  });
});

describe('Dispatcher, when a delivery fails,', () => {
  const failing = (error: LinkError) => () => {
    throw error;
  };

  it('gives it to another when it cannot have arrived; the first rests', async (t) => {
    const { clock, store, fake, work, sent, warnings } = await given(t, { pid: 71 }, { pid: 72 });
    fake.answer = (pid) => (pid === 71 ? failing(linkErrors.stalled(71))() : { kind: 'accepted' });
    await store.put('a', 'b', 'c');
    await work();
    assert.deepEqual(sent(), ['71:a', '72:a', '72:b', '72:c']);
    assert.equal(warnings.length, 1);
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
    assert.deepEqual([sent(), warnings], [['71:a', '71:a'], []]);
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

  it('goes on after a second when the bus cannot be taken', async (t) => {
    const { clock, store, fake, errors, work, sent } = await given(t, { pid: 71 });
    fake.busFails = new Error('no such directory');
    await store.put('a', 'b');
    await work();
    assert.deepEqual([errors, sent()], [[fake.busFails], []]);
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
    assert.equal(errors.length, 1);
    await clock.pass(1300);
    assert.deepEqual(sent(), ['71:a', '71:a', '71:b']);
  });
});

describe('Dispatcher and plain consumers', () => {
  it('sends the body alone, beside the bus; sent is done', async (t) => {
    const { store, fake, work, delivered } = await given(t, { pid: 71, ...plain });
    const bodies: string[] = [];
    fake.paced = async (pid, body) => void bodies.push(`${pid}:${Buffer.from(body)}`);
    await store.put('a', 'b');
    await work();
    assert.deepEqual([bodies, fake.holds, delivered()], [['71:a', '71:b'], 0, 2]);
    assert.deepEqual(await store.states(), []);
  });

  it('takes its turn among the others, also within a hold of the bus', async (t) => {
    const { store, fake, work, sent } = await given(t, { pid: 71 }, { pid: 72, ...plain });
    const bodies: string[] = [];
    fake.paced = async (_pid, body) => void bodies.push(Buffer.from(body).toString());
    await store.put('a', 'b', 'c');
    await work();
    assert.deepEqual([sent(), bodies], [['71:a', '71:c'], ['b']]);
  });

  it('does not send it what it cannot take, and what comes behind that does not wait', async (t) => {
    const { store, fake, work, warnings } = await given(t, { pid: 71, ...plain });
    const bodies: string[] = [];
    fake.paced = async (_pid, body) => void bodies.push(Buffer.from(body).toString());
    for (const body of ['a\0b', '', 'c']) await store.put(body);
    await work();
    assert.deepEqual(bodies, ['c']);
    assert.deepEqual(await store.states(), ['delayed', 'delayed']);
    assert.match(warnings[0] ?? '', /has a zero byte or is empty/);
  });

  it('leaves what it cannot take to a consumer that can', async (t) => {
    const { store, fake, work, sent } = await given(t, { pid: 71, ...plain }, { pid: 72 });
    fake.paced = () => assert.fail('sent');
    await store.put('a\0b');
    await work();
    assert.deepEqual(sent(), ['72:a\0b']);
    assert.deepEqual(await store.states(), []);
  });

  it('gives a message to another when the first stalls, and takes that back for nothing', async (t) => {
    const { store, fake, work, sent, warnings, first } = await given(
      t,
      { pid: 71, ...plain },
      { pid: 72 },
    );
    let finish = () => {};
    fake.paced = async (_pid, _body, onStalled) => {
      await turn();
      onStalled();
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    await store.put('a', 'b');
    await work();
    assert.deepEqual(sent(), ['72:b', '72:a']);
    assert.match(warnings[0] ?? '', /71 does not take its signals/);
    assert.equal(first().overdue.size, 1, 'its slot is taken while signals are on their way');
    finish();
    await work();
    assert.equal(first().overdue.size, 0);
    assert.deepEqual(await store.states(), []);
  });

  it('counts an attempt when it ends in the middle', async (t) => {
    const { run, store, fake, work, sent } = await given(t, { pid: 71, ...plain }, { pid: 72 });
    fake.paced = async () => {
      run({ pid: 72 });
      throw linkErrors.gone(71);
    };
    await store.put('a');
    await work();
    assert.deepEqual(sent(), ['72:a']);
    assert.equal(opened(fake.sent[0]?.frame as Uint8Array).fields.attempt, 2);
  });

  it('is all there is without the addon', async (t) => {
    const { store, fake, roster, holdings, sent } = await given(t, { pid: 71 });
    const bodies: string[] = [];
    fake.paced = async (_pid, body) => void bodies.push(Buffer.from(body).toString());
    const noAddon = new Dispatcher({
      ...{ store, roster, holdings },
      endpoint: { ...fake.endpoint, echo: undefined } as never,
      onWarning: () => {},
      onError: assert.fail,
      onDelivered: () => {},
    });
    await store.put('a');
    noAddon.wake();
    for (let n = 0; n < 20; n++) await turn();
    await noAddon.stop();
    assert.deepEqual([bodies, sent()], [['a'], []]);
  });
});
