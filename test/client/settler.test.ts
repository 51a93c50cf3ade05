import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Handled } from '../../src/client/handled.ts';
import { Settler } from '../../src/client/settler.ts';
import { decodeFrame } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import { linkErrors } from '../../src/link/errors.ts';
import { settlementsOf, Verb } from '../../src/link/settlement.ts';
import { FakeEndpoint } from '../broker/fakes.ts';
import { FakeClock } from '../link/fakes.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';

const BROKER = 70;
const OTHER = 71;
/** Of the broker's store. */
const NOW = 5;

const name = (id: number, delivery = 1, incarnation = NOW) => ({ id, delivery, incarnation });

/** A consumer that has taken delivery 1 of message 7, and a broker that answers the first tries as given. */
function given(
  t: TestContext,
  hasAddon = true,
  isPlain = false,
  state = 'S',
  accepts = 'batch,brotli',
) {
  const clock = new FakeClock(t);
  clock.stopSleeps();
  const dir = tempDir(t);
  const become = (pid: number, incarnation = NOW) => {
    writeFileSync(join(dir, 'broker.pid'), `${pid}\n`);
    writeFileSync(
      join(dir, 'broker.json'),
      JSON.stringify({ pid, start: 500, incarnation, accepts }),
    );
  };
  become(BROKER);
  const fake = new FakeEndpoint();
  fake.hasAddon = hasAddon;
  const handled = new Handled();
  handled.add(name(7), Reason.Later);
  const errors: unknown[] = [];
  const settler = new Settler({
    dir,
    table: fakeTable({ pid: BROKER, blocksBoth: !isPlain, state }, { pid: OTHER }),
    endpoint: fake.endpoint,
    handled,
    onError: (error) => errors.push(error),
  });
  /** What the broker was told in each frame, as `incarnation:id.delivery verb`. */
  const frames = () =>
    fake.sent.map(({ frame }) => {
      const decoded = decodeFrame(frame.subarray(0, -1));
      assert.ok(decoded.kind === 'envelope');
      const settles = settlementsOf(decoded.envelope, 1000) ?? assert.fail('no settlement');
      return settles.map(({ id, delivery, incarnation, verb, reason }) => {
        const why = reason === undefined ? '' : ` ${reason.slice(0, 9)}`;
        return `${incarnation === undefined ? '' : `${incarnation}:`}${id}.${delivery} ${verb}${why}`;
      });
    });
  const told = () => frames().flat();
  const known = (delivery = 1) => {
    const answer = handled.get(name(7, delivery));
    return answer && [answer.verdict, answer.settled];
  };
  return {
    dir,
    become,
    clock,
    fake,
    first: fake.first,
    handled,
    errors,
    settler,
    frames,
    told,
    known,
  };
}

describe('Settler', () => {
  it('says how a message ended, and is idle when the broker knows', async (t) => {
    const { settler, told, errors } = given(t);
    assert.ok(settler.idle);
    const verbs = [Verb.Done, Verb.Failed, Verb.Release, Verb.Dead, Verb.Return];
    const known = verbs.map((verb, n) => settler.settle(name(n + 1, n + 1), verb));
    assert.equal(settler.idle, false);
    await settler.settled();
    assert.ok(settler.idle);
    assert.deepEqual(told().sort(), ['1.1 d', '2.2 f', '3.3 r', '4.4 x', '5.5 b']);
    assert.deepEqual(await Promise.all(known), Array(5).fill(true));
    assert.deepEqual(errors, []);
  });

  it('says why, in as many frames as that takes, and answers the same when it comes again', async (t) => {
    const { settler, fake, told, known } = given(t);
    const long = 'x'.repeat(1280);
    void settler.settle(name(7, 1), Verb.Failed, { reason: 'boom' });
    assert.deepEqual(known(), [Reason.Later, Verb.Failed]); // an answer has no room for it
    for (let n = 1; n <= 30; n++)
      void settler.settle(name(100 + n, 1), Verb.Dead, { reason: long });
    await settler.settled();
    assert.deepEqual(told().slice(0, 2), ['7.1 f boom', '101.1 x xxxxxxxxx']);
    assert.equal(told().length, 31);
    assert.ok(fake.sent.length > 1 && fake.sent.length < 5);
    assert.ok(fake.sent.every(({ frame }) => frame.length < 33_280));
  });

  it('tells a reply in a frame of its own, again as long as nobody has heard it, and keeps it no longer', async (t) => {
    const { clock, settler, fake, first, told, known, handled } = given(t);
    const reply = { exitCode: 3, reply: Buffer.from('größer') };
    first.push(linkErrors.stalled(BROKER));
    const heard = [
      settler.settle(name(5), Verb.Failed),
      settler.settle(name(7), Verb.Done, reply),
      settler.settle(name(6), Verb.Failed),
    ];
    assert.deepEqual(known(), [Reason.Later, Verb.Done]);
    assert.equal(handled.get(name(7))?.told, reply, 'a broker that delivers it again gets it');
    await clock.pass(500);
    assert.deepEqual(await Promise.all(heard), [true, true, true]);
    assert.deepEqual(told(), ['5.1 f', '5.1 f', '7.1 d', '6.1 f']);
    const decoded = decodeFrame(fake.sent[2]?.frame.subarray(0, -1) ?? new Uint8Array());
    assert.ok(decoded.kind === 'envelope');
    const [said] = settlementsOf(decoded.envelope, 100) ?? [];
    assert.deepEqual(
      [said?.exitCode, said?.reply && Buffer.from(said.reply).toString()],
      [3, 'größer'],
    );
    assert.deepEqual([known(), handled.get(name(7))?.told], [[0, undefined], undefined]);
  });

  for (const reason of [Reason.TooLarge, Reason.Unsupported]) {
    it(`says that it is done to a broker that refuses the reply (${reason})`, async (t) => {
      const { clock, settler, first, told, handled } = given(t);
      first.push({ kind: 'refused', reason });
      const heard = settler.settle(name(7), Verb.Done, { exitCode: 0, reply: Buffer.from('x') });
      await clock.pass(500);
      assert.equal(await heard, true);
      assert.deepEqual(told(), ['7.1 d', '7.1 d']);
      assert.equal(handled.get(name(7))?.told, undefined, 'it is not sent again');
    });
  }

  it('says nothing while the work goes on, and waits for work that is not to be settled', async (t) => {
    const { settler, told, errors } = given(t);
    let end = () => {};
    let fail = (_: Error) => {};
    const working = new Promise<void>((resolve) => (end = resolve));
    settler.keep(working.then(() => settler.settle(name(7, 1), Verb.Done)));
    settler.keep(new Promise((_, reject) => (fail = reject)));
    let isSettled = false;
    const settled = settler.settled().then(() => {
      isSettled = true;
    });
    await turn();
    assert.deepEqual(told(), []);
    end();
    await turn();
    assert.deepEqual([told(), isSettled], [['7.1 d'], false]);
    fail(new Error('broken'));
    await settled;
    assert.deepEqual(errors.map(String), ['Error: broken']);
  });

  it('knows the answer to a delivery that comes again before the broker was told', async (t) => {
    const answers = [
      [Verb.Done, [0, undefined]],
      [Verb.Failed, [Reason.Failed, undefined]],
      [Verb.Dead, [Reason.Later, Verb.Dead]],
      [Verb.Release, [Reason.Later, Verb.Release]],
      [Verb.Return, [Reason.Later, Verb.Return]],
    ] as const;
    for (const [verb, answer] of answers) {
      await t.test(`verb ${verb}`, async (t) => {
        const { dir, settler, fake, known } = given(t);
        rmSync(join(dir, 'broker.pid'));
        void settler.settle(name(7, 1), verb);
        assert.deepEqual(known(), answer); // in the same turn: a delivery may be the next thing
        await settler.settled();
        assert.deepEqual(known(), answer);
        assert.equal(fake.holds, 0);
      });
    }
  });

  it('changes nothing of a later delivery, or of one with that number in another incarnation', async (t) => {
    const { settler, handled, known, told } = given(t);
    handled.add(name(7, 2), Reason.Later);
    handled.add(name(7, 1, 4), Reason.Later);
    for (const verb of ['d', 'f', 'r', 'x', 'b'] as const) void settler.settle(name(7), verb);
    await settler.settled();
    assert.deepEqual(known(2), [Reason.Later, undefined]);
    assert.deepEqual(handled.get(name(7, 1, 4))?.verdict, Reason.Later);
    assert.equal(told().length, 5);
  });

  it('says in which incarnation it was delivered when that is another than the broker’s', async (t) => {
    const { become, settler, told } = given(t);
    void settler.settle(name(7, 1, 4), Verb.Done);
    void settler.settle(name(8, 1, 0), Verb.Done); // never told
    await settler.settled();
    become(OTHER, 6);
    void settler.settle(name(9), Verb.Done);
    await settler.settled();
    assert.deepEqual(told(), ['4:7.1 d', '8.1 d', '5:9.1 d']);
  });

  it('tells that the work on it goes on, and whether it is still ours', async (t) => {
    const { first, settler, told, known } = given(t);
    assert.equal(await settler.extend(name(7)), true);
    first.push({ kind: 'refused', reason: Reason.Unknown });
    assert.equal(await settler.extend(name(7)), false);
    assert.deepEqual(told(), ['7.1 e', '7.1 e']);
    assert.deepEqual(known(), [Reason.Later, undefined]);
  });

  it('says it again, each 200 ms and to the broker of the moment, until it is heard', async (t) => {
    const { become, clock, fake, first, settler, told, known } = given(t);
    first.push(linkErrors.stalled(BROKER), linkErrors.busLost(), { kind: 'out-of-step' });
    first.push({ kind: 'refused', reason: Reason.Store });
    void settler.settle(name(7, 1), Verb.Failed);
    await turn();
    await clock.pass(190);
    assert.equal(fake.sent.length, 1);
    await clock.pass(10);
    assert.equal(fake.sent.length, 2);
    become(OTHER);
    await clock.pass(500);
    assert.deepEqual(known(), [Reason.Failed, undefined]);
    await clock.pass(100);
    await settler.settled();
    assert.deepEqual(new Set(told()), new Set(['7.1 f']));
    assert.deepEqual(
      fake.sent.map(({ pid }) => pid),
      [BROKER, BROKER, OTHER, OTHER, OTHER],
    );
    await clock.pass(1000);
    assert.equal(fake.sent.length, 5);
  });

  it('leaves it at that when the broker does not know the delivery, is gone, or there is no addon', async (t) => {
    const ends = [{ kind: 'refused', reason: Reason.Unknown } as const, linkErrors.gone(BROKER)];
    for (const end of ends) {
      const { fake, first, settler, known } = given(t);
      first.push(end);
      void settler.settle(name(7, 1), Verb.Done);
      await settler.settled();
      assert.equal(fake.sent.length, 1);
      assert.deepEqual(known(), [0, undefined]);
      t.mock.reset();
    }
    const { settler } = given(t, false);
    void settler.settle(name(7, 1), Verb.Done);
    await settler.settled();
  });

  it('tells a plain broker nothing, and nobody once the link is closed', async (t) => {
    for (const end of ['plain', 'closed']) {
      const { fake, first, settler } = given(t, true, end === 'plain');
      first.push(linkErrors.closed());
      void settler.settle(name(7, 1), Verb.Done);
      await settler.settled();
      assert.equal(fake.sent.length, end === 'plain' ? 0 : 1);
      t.mock.reset();
    }
  });

  it('reports once what is wrong here, and goes on', async (t) => {
    const { clock, fake, settler, errors, told } = given(t);
    fake.busFails = new Error('no room');
    void settler.settle(name(7, 1), Verb.Done);
    await turn();
    await clock.pass(1000);
    assert.deepEqual(errors.map(String), ['Error: no room']);
    fake.busFails = undefined;
    await clock.pass(200);
    await settler.settled();
    assert.deepEqual(told(), ['7.1 d']);
  });

  it('tries for 30 s when the consumer is to stop with a broker that runs, and says what went unheard', async (t) => {
    const { clock, fake, settler, told } = given(t);
    fake.answer = () => {
      throw linkErrors.stalled(BROKER);
    };
    void settler.settle(name(8, 1), Verb.Done);
    const settled = settler.settled();
    await turn();
    await clock.pass(29_000);
    assert.equal(settler.unheard, 0);
    await clock.pass(5000);
    await settled;
    assert.ok(told().length >= 140 && told().length <= 152, `${told().length} tries in 30 s`);
    assert.equal(settler.unheard, 1);
  });

  it('tells a broker that came meanwhile, once it is to stop', async (t) => {
    const { become, dir, settler, told } = given(t);
    rmSync(join(dir, 'broker.pid'));
    for (const id of [7, 8, 9]) void settler.settle(name(id), Verb.Done);
    await turn();
    assert.deepEqual([told(), settler.unheard], [[], 3]);
    settler.heard(name(8)); // it has asked for that one
    become(OTHER);
    await settler.settled();
    assert.deepEqual([told(), settler.unheard], [['7.1 d', '9.1 d'], 0]);
  });

  it('does not wait for a broker that is not there, nor long for one that is stopped', async (t) => {
    const { become, clock, dir, settler, fake } = given(t, true, false, 'T');
    rmSync(join(dir, 'broker.pid'));
    for (const id of [7, 8, 9]) void settler.settle(name(id), Verb.Done);
    await settler.settled();
    assert.equal(settler.unheard, 3);
    become(BROKER);
    fake.answer = () => {
      throw linkErrors.stalled(BROKER);
    };
    const settled = settler.settled();
    await turn();
    await clock.pass(6000);
    await settled;
    assert.equal(settler.unheard, 3);
  });

  it('tries for 5 s when the broker is stopped by then, however long the work takes', async (t) => {
    const { clock, fake, settler, told } = given(t, true, false, 'T');
    let end = () => {};
    const working = new Promise<void>((resolve) => (end = resolve));
    settler.keep(working.then(() => settler.settle(name(7, 1), Verb.Done)));
    fake.answer = () => {
      throw linkErrors.stalled(BROKER);
    };
    let isSettled = false;
    const settled = settler.settled().then(() => {
      isSettled = true;
    });
    void settler.settle(name(8, 1), Verb.Done);
    await turn();
    await clock.pass(20_000);
    const eights = told().length;
    assert.ok(eights >= 20 && eights <= 27, `${eights} tries in 5 s`);
    assert.equal(isSettled, false);
    end();
    await turn();
    await clock.pass(4000);
    assert.ok(told().length > eights, 'the one that took its time is told of, too');
    assert.equal(isSettled, false);
    await clock.pass(2000);
    await settled;
  });
});

describe('Settler, of several in one turn,', () => {
  const all = (count: number) => Array.from({ length: count }, (_, n) => name(n + 1));
  const words = (count: number) => Array.from({ length: count }, (_, n) => `${n + 1}.1 d`);

  it('tells in one frame, in order', async (t) => {
    const { settler, frames } = given(t);
    const verbs = [Verb.Done, Verb.Failed, Verb.Release, Verb.Dead, Verb.Return] as const;
    const known = verbs.map((verb, n) => settler.settle(name(n + 1), verb));
    await settler.settled();
    assert.deepEqual(frames(), [['1.1 d', '2.1 f', '3.1 r', '4.1 x', '5.1 b']]);
    assert.deepEqual(await Promise.all(known), Array(5).fill(true));
  });

  it('tells 256 at most in one frame', async (t) => {
    const { settler, frames } = given(t);
    for (const one of all(300)) void settler.settle(one, Verb.Done);
    await settler.settled();
    assert.deepEqual(
      frames().map(({ length }) => length),
      [256, 44],
    );
    assert.deepEqual(frames().flat(), words(300));
  });

  it('tells for itself that the work on one goes on, also behind more than one frame of others', async (t) => {
    const { settler, frames } = given(t);
    for (const one of all(300)) void settler.settle(one, Verb.Done);
    const isOurs = settler.extend(name(301));
    void settler.settle(name(302), Verb.Done);
    assert.equal(await isOurs, true);
    await settler.settled();
    assert.deepEqual(
      frames().map(({ length }) => length),
      [256, 44, 1, 1],
    );
    assert.deepEqual(frames().slice(2), [['301.1 e'], ['302.1 d']]);
  });

  it('tells each for itself when the broker does not know one of them', async (t) => {
    const { clock, fake, settler, frames } = given(t);
    const unknown = { kind: 'refused', reason: Reason.Unknown } as const;
    fake.answer = () => (frames().at(-1)?.includes('2.1 d') ? unknown : { kind: 'accepted' });
    const known = all(3).map((one) => settler.settle(one, Verb.Done));
    assert.deepEqual(await Promise.all(known), [true, false, true]);
    assert.deepEqual(frames(), [words(3), ...words(3).map((one) => [one])]);
    await clock.pass(1000);
    assert.equal(fake.sent.length, 4);
    assert.equal(settler.unheard, 0);
  });

  it('tells each for itself to a broker that takes no batches', async (t) => {
    const { settler, frames } = given(t, true, false, 'S', '');
    const known = all(3).map((one) => settler.settle(one, Verb.Done));
    assert.deepEqual(await Promise.all(known), [true, true, true]);
    assert.deepEqual(
      frames(),
      words(3).map((one) => [one]),
    );
  });

  it('says of all of them that they went unheard', async (t) => {
    const { dir, settler } = given(t);
    rmSync(join(dir, 'broker.pid'));
    const known = all(300).map((one) => settler.settle(one, Verb.Done));
    assert.deepEqual(await Promise.all(known), Array(300).fill(false));
    assert.equal(settler.unheard, 300);
  });

  it('takes no longer to give up than for one, however many frames it would take', async (t) => {
    const { clock, fake, settler } = given(t);
    fake.answer = () => {
      throw linkErrors.stalled(BROKER);
    };
    for (const one of all(1000)) void settler.settle(one, Verb.Done);
    const settled = settler.settled();
    await turn();
    await clock.pass(34_000);
    await settled;
    assert.equal(settler.unheard, 1000);
  });

  it('sends what is settled while a frame is under way in the next one', async (t) => {
    const { fake, settler, frames } = given(t);
    let open = () => {};
    fake.busFree = new Promise<void>((resolve) => {
      open = resolve;
    });
    void settler.settle(name(1), Verb.Done);
    await turn();
    void settler.settle(name(2), Verb.Done);
    await turn();
    void settler.settle(name(3), Verb.Done);
    open();
    await settler.settled();
    assert.deepEqual(frames(), [['1.1 d'], ['2.1 d', '3.1 d']]);
  });
});
