import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Dispatcher } from '../../src/broker/dispatcher.ts';
import { InFlight } from '../../src/broker/in-flight.ts';
import { Reason } from '../../src/codec/reason.ts';
import { linkErrors } from '../../src/link/errors.ts';
import { messagesOf } from '../../src/link/messages.ts';
import { Unpacker } from '../../src/link/model.ts';
import { given, opened, plain } from './dispatching.ts';
import { FakeJournal } from './fakes.ts';

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

  it('waits for no store while it has the bus', async (t) => {
    const { store, fake, work, sent } = await given(t, { pid: 71 });
    const { reserve } = store;
    const answers: (() => void)[] = [];
    store.reserve = async (...args) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      assert.equal(fake.holding, 0);
      return reserve(...args);
    };
    await store.put('a', 'b');
    for (const expected of [['71:a'], ['71:a', '71:b']]) {
      await work();
      assert.equal(fake.holding, 0, 'the bus is free');
      for (const answer of answers.splice(0)) answer();
      await work();
      assert.deepEqual(sent(), expected);
    }
    assert.equal(fake.holds, 2);
  });

  it("sends nothing that may be another broker's by now", async (t) => {
    const { store, fake, work, sent } = await given(t, { pid: 71 }, { pid: 72 });
    let isOurs = true;
    Object.defineProperty(store, 'holdsReserved', { get: () => isOurs });
    await store.put('a', 'b');
    fake.answer = () => {
      isOurs = false; // this process stood still
      return { kind: 'accepted' };
    };
    const { reserve } = store;
    store.reserve = (...args) => {
      isOurs = true;
      return reserve(...args);
    };
    await work();
    assert.deepEqual(sent().sort(), ['71:a', '71:b']);
    assert.deepEqual(await store.states(), []);
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
    assert.equal(errors().length, 1);
    store.failing.clear();
    await clock.pass(900);
    assert.deepEqual(sent(), []);
    await clock.pass(200);
    assert.deepEqual(sent(), ['71:a']);
  });

  it('gives plain consumers their turn among the others, also within a hold of the bus', async (t) => {
    const { store, fake, work, sent } = await given(t, { pid: 71 }, { pid: 72, ...plain });
    const bodies: string[] = [];
    fake.paced = async (_pid, body) => void bodies.push(Buffer.from(body).toString());
    await store.put('a', 'b', 'c');
    await work();
    assert.deepEqual([sent(), bodies], [['71:a', '71:c'], ['b']]);
  });

  it('gives nothing to a consumer that left while the store was busy', async (t) => {
    const { store, refresh, unregister, work, sent, first } = await given(t, { pid: 71 });
    const gone = first();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const reserve = store.reserve.bind(store);
    store.reserve = async (queues, key) => {
      const message = await reserve(queues, key);
      await gate;
      return message;
    };
    await store.put('a');
    await work();
    unregister();
    refresh();
    open();
    await work();
    assert.deepEqual([sent(), await store.states()], [[], ['ready']]);
    assert.equal(gone.inFlight.size, 0);
  });

  it('takes all consumers for plain ones without the addon', async (t) => {
    const { store, fake, roster, rosterWatch, sent } = await given(t, { pid: 71 });
    const bodies: string[] = [];
    fake.paced = async (_pid, body) => void bodies.push(Buffer.from(body).toString());
    const journal = new FakeJournal();
    const noAddon = new Dispatcher({
      ...{ store, roster, rosterWatch, journal },
      inFlight: new InFlight({ store, ackWaitMs: undefined, journal }),
      endpoint: { ...fake.endpoint, echo: undefined } as never,
    });
    noAddon.start();
    await store.put('a');
    journal.wake();
    for (let n = 0; n < 20; n++) await turn();
    await noAddon.stop();
    assert.deepEqual([bodies, sent(), journal.errors], [['a'], [], []]);
  });
});

describe('Dispatcher, with many in a frame,', () => {
  const wishes = 'accepts=batch jobs=4';
  const framesOf = (frames: readonly { pid: number; frame: Uint8Array }[]) =>
    frames.map(({ pid, frame }) => {
      const entries = messagesOf(opened(frame), 1000);
      assert.ok(Array.isArray(entries));
      return `${pid}: ${entries.map(({ body }) => Buffer.from(body)).join(' ')}`;
    });

  const bodiesOf = (frames: readonly { frame: Uint8Array }[]) => {
    const unpacker = new Unpacker();
    return frames.flatMap(({ frame }) => {
      const entries = messagesOf(opened(frame), 100_000, unpacker);
      assert.ok(Array.isArray(entries), String(entries));
      return entries.map(({ body }) => Buffer.from(body).toString());
    });
  };

  it('sends each consumer its own in one frame, which one answer settles', async (t) => {
    const { store, fake, work, delivered } = await given(
      t,
      { pid: 71, wishes },
      { pid: 72, wishes },
    );
    await store.put(...'abcdefg');
    await work();
    assert.deepEqual(framesOf(fake.sent), ['71: a c e g', '72: b d f']);
    assert.deepEqual([await store.states(), delivered(), fake.holds], [[], 7, 1]);
  });

  it('waits for the settlement of each after `later`', async (t) => {
    const { store, fake, inFlight, work, first } = await given(t, { pid: 71, wishes });
    fake.answer = () => ({ kind: 'refused', reason: Reason.Later });
    const ids = await store.put(...'abcdef');
    await work();
    assert.deepEqual(framesOf(fake.sent), ['71: a b c d']);
    await inFlight.settle(first(), ids[1] as number, { kind: 'done' });
    await inFlight.settle(first(), ids[3] as number, { kind: 'failed' });
    await work();
    assert.deepEqual(framesOf(fake.sent).slice(1), ['71: e', '71: f']);
    assert.deepEqual((await store.states()).sort(), ['delayed', ...Array(4).fill('reserved')]);
  });

  it('deals anew, in order, what the others were to get when one does not take its own', async (t) => {
    const three = [71, 72, 73].map((pid) => ({ pid, wishes }));
    const { store, fake, work } = await given(t, ...three);
    const closing = { kind: 'refused', reason: Reason.Closing } as const;
    fake.answer = (pid) => (pid === 71 ? closing : { kind: 'accepted' });
    await store.put(...'abcdef');
    await work();
    assert.deepEqual(framesOf(fake.sent), ['71: a d', '72: a c e', '73: b d f']);
    assert.deepEqual(await store.states(), []);
  });

  it('sends nothing more to who does not answer, though it was dealt more', async (t) => {
    const { clock, store, fake, work } = await given(t, { pid: 71, wishes: 'jobs=4' }, { pid: 72 });
    const stalled = linkErrors.stalled(71);
    stalled.answerPending = true;
    fake.answer = (pid) => {
      if (pid === 71) throw stalled;
      return { kind: 'accepted' };
    };
    await store.put(...'abc');
    await work();
    assert.deepEqual(framesOf(fake.sent), ['71: a', '72: b', '72: c']);
    fake.answer = () => ({ kind: 'accepted' });
    await clock.pass(260);
    assert.deepEqual(framesOf(fake.sent).slice(3), ['71: a']);
  });

  for (const [prefetch, ahead] of [
    [256, 128],
    [200, 0],
  ] as const) {
    it(`reserves and packs ${ahead} more while its consumer of ${prefetch} gets 128`, async (t) => {
      const { store, fake, work, first } = await given(t, {
        pid: 71,
        wishes: `accepts=batch,model2 prefetch=${prefetch}`,
      });
      const who = first();
      who.hand = prefetch;
      const begun = t.mock.method(who.packer, 'packAhead');
      const bodies = Array.from({ length: 300 }, (_, n) => `message ${n}`);
      await store.put(...bodies);
      const reserved: number[] = [];
      fake.answer = () => {
        reserved.push(who.inFlight.size);
        return { kind: 'accepted' };
      };
      await work();
      assert.deepEqual(reserved.slice(0, 2), [128 + ahead, 128 + (ahead && 300 - 256)]);
      assert.deepEqual(await store.states(), []);
      assert.equal(fake.sent.length, 3);
      assert.equal(begun.mock.callCount(), ahead > 0 ? 2 : 0);
      assert.deepEqual(bodiesOf(fake.sent), bodies);
    });
  }

  it('gives what was dealt ahead to another when its consumer takes no more', async (t) => {
    const wishes = 'accepts=batch prefetch=256';
    const { store, fake, work, roster } = await given(t, { pid: 71, wishes }, { pid: 72, wishes });
    for (const consumer of roster.all) consumer.hand = 256;
    const bodies = Array.from({ length: 400 }, (_, n) => `${n}`);
    await store.put(...bodies);
    const closing = { kind: 'refused', reason: Reason.Closing } as const;
    fake.answer = (pid) => (pid === 71 ? closing : { kind: 'accepted' });
    await work();
    const [, ...taken] = fake.sent;
    assert.deepEqual(bodiesOf(taken), bodies);
    assert.deepEqual(await store.states(), []);
  });

  it('owes all of a frame of which the answer is not known', async (t) => {
    const { clock, store, fake, work } = await given(t, { pid: 71, wishes }, { pid: 72 });
    const stalled = linkErrors.stalled(71);
    stalled.answerPending = true;
    fake.first.push(stalled);
    await store.put(...'abc');
    await work();
    assert.deepEqual(framesOf(fake.sent), ['71: a c', '72: b']);
    assert.deepEqual(await store.states(), ['reserved', 'reserved']);
    await clock.pass(260);
    assert.deepEqual(framesOf(fake.sent).slice(2), ['71: a', '71: c']);
    assert.deepEqual(await store.states(), []);
  });

  it('buries one that fits in no frame, and sends the others', async (t) => {
    const { store, fake, work, warnings } = await given(t, { pid: 71, wishes });
    const headers = [['k', 'x'.repeat(4096)]] as const;
    await store.put('a');
    await store.publish([{ queue: 'default', body: Buffer.from('b'), priority: 0, headers }]);
    await store.put('c');
    await work();
    assert.deepEqual(framesOf(fake.sent), ['71: a', '71: c']);
    assert.deepEqual(await store.states(), ['dead']);
    assert.equal(warnings().length, 1);
  });

  it('gives back what was dealt and has not gone out when it is stopped', async (t) => {
    const { store, fake, dispatcher, work } = await given(
      t,
      { pid: 71, wishes },
      { pid: 72, wishes },
    );
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    fake.answer = async () => {
      await gate;
      return { kind: 'accepted' };
    };
    await store.put(...'abcd');
    await work();
    const stopped = dispatcher.stop();
    open();
    await stopped;
    assert.deepEqual(framesOf(fake.sent), ['71: a c']);
    assert.deepEqual(await store.states(), ['ready', 'ready']);
  });
});
