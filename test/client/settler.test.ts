import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Handled } from '../../src/client/handled.ts';
import { Settler, verbOf } from '../../src/client/settler.ts';
import { decodeFrame } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import { linkErrors } from '../../src/link/errors.ts';
import { settlementOf, Verb } from '../../src/link/settlement.ts';
import { FakeEndpoint } from '../broker/fakes.ts';
import { FakeClock } from '../link/fakes.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';

const BROKER = 70;
const OTHER = 71;

/** A consumer that has taken attempt 1 of message 7, and a broker that answers the first tries as given. */
function given(t: TestContext, hasAddon = true, isPlain = false) {
  const clock = new FakeClock(t);
  clock.stopSleeps();
  const dir = tempDir(t);
  const become = (pid: number) => writeFileSync(join(dir, 'broker.pid'), `${pid}\n`);
  become(BROKER);
  const fake = new FakeEndpoint();
  fake.hasAddon = hasAddon;
  const handled = new Handled();
  handled.add(7, 1, Reason.Later);
  const errors: unknown[] = [];
  const settler = new Settler({
    dir,
    table: fakeTable({ pid: BROKER, blocksBoth: !isPlain }, { pid: OTHER }),
    endpoint: fake.endpoint,
    handled,
    onError: (error) => errors.push(error),
  });
  /** What the broker was told, as `id.attempt verb`. */
  const told = () =>
    fake.sent.map(({ frame }) => {
      const decoded = decodeFrame(frame.subarray(0, -1));
      assert.ok(decoded.kind === 'envelope');
      const settle = settlementOf(decoded.envelope) ?? assert.fail('no settlement');
      return `${settle.id}.${settle.attempt} ${settle.verb}`;
    });
  const known = (attempt = 1) => {
    const answer = handled.get(7, attempt);
    return answer && [answer.verdict, answer.settled];
  };
  return { dir, become, clock, fake, first: fake.first, handled, errors, settler, told, known };
}

describe('Settler', () => {
  it('says how a message ended, and is idle when the broker knows', async (t) => {
    const { settler, told, errors } = given(t);
    assert.ok(settler.idle);
    const failure = (settle?: string) => Promise.reject(Object.assign(new Error('no'), { settle }));
    settler.settleAfter(1, 1, Promise.resolve());
    settler.settleAfter(2, 3, failure());
    settler.settleAfter(3, 1, failure('release'));
    settler.settleAfter(4, 1, failure('dead'));
    assert.equal(settler.idle, false);
    await settler.settled();
    assert.ok(settler.idle);
    assert.deepEqual(told().sort(), ['1.1 d', '2.3 f', '3.1 r', '4.1 x']);
    assert.equal(errors.length, 3);
  });

  it('says nothing while the work goes on, and waits for work that is not to be settled', async (t) => {
    const { settler, told, errors } = given(t);
    let end = () => {};
    let fail = (_: Error) => {};
    settler.settleAfter(7, 1, new Promise((resolve) => (end = resolve)));
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
      [Verb.Release, undefined],
    ] as const;
    for (const [verb, answer] of answers) {
      await t.test(`verb ${verb}`, async (t) => {
        const { dir, settler, fake, known } = given(t);
        rmSync(join(dir, 'broker.pid'));
        settler.settle(7, 1, verb);
        assert.deepEqual(known(), answer); // in the same turn: a delivery may be the next thing
        await settler.settled();
        assert.deepEqual(known(), answer);
        assert.equal(fake.holds, 0);
      });
    }
  });

  it('forgets what the broker knows and may deliver anew, but not what is done', async (t) => {
    for (const verb of [Verb.Failed, Verb.Dead, Verb.Done]) {
      await t.test(`verb ${verb}`, async (t) => {
        const { settler, known } = given(t);
        settler.settle(7, 1, verb);
        await settler.settled();
        assert.deepEqual(known(), verb === Verb.Done ? [0, undefined] : undefined);
      });
    }
  });

  it('changes nothing of a later attempt', async (t) => {
    const { settler, handled, known, told } = given(t);
    handled.add(7, 2, Reason.Later);
    for (const verb of Object.values(Verb)) settler.settle(7, 1, verb);
    await settler.settled();
    assert.deepEqual(known(2), [Reason.Later, undefined]);
    assert.equal(told().length, 4);
  });

  it('says it again, each 200 ms and to the broker of the moment, until it is heard', async (t) => {
    const { become, clock, fake, first, settler, told, known } = given(t);
    first.push(linkErrors.stalled(BROKER), linkErrors.busLost(), { kind: 'out-of-step' });
    first.push({ kind: 'refused', reason: Reason.Store });
    settler.settle(7, 1, Verb.Failed);
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
    assert.equal(known(), undefined);
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
      settler.settle(7, 1, Verb.Done);
      await settler.settled();
      assert.equal(fake.sent.length, 1);
      assert.deepEqual(known(), [0, undefined]);
      t.mock.reset();
    }
    const { settler } = given(t, false);
    settler.settle(7, 1, Verb.Done);
    await settler.settled();
  });

  it('tells a plain broker nothing, and nobody once the link is closed', async (t) => {
    for (const end of ['plain', 'closed']) {
      const { fake, first, settler } = given(t, true, end === 'plain');
      first.push(linkErrors.closed());
      settler.settle(7, 1, Verb.Done);
      await settler.settled();
      assert.equal(fake.sent.length, end === 'plain' ? 0 : 1);
      t.mock.reset();
    }
  });

  it('reports once what is wrong here, and goes on', async (t) => {
    const { clock, fake, settler, errors, told } = given(t);
    fake.busFails = new Error('no room');
    settler.settle(7, 1, Verb.Done);
    await turn();
    await clock.pass(1000);
    assert.deepEqual(errors.map(String), ['Error: no room']);
    fake.busFails = undefined;
    await clock.pass(200);
    await settler.settled();
    assert.deepEqual(told(), ['7.1 d']);
  });

  it('tries for 5 s when the consumer is to stop, however long the work takes', async (t) => {
    const { clock, fake, settler, told } = given(t);
    let end = () => {};
    settler.settleAfter(7, 1, new Promise((resolve) => (end = resolve)));
    fake.answer = () => {
      throw linkErrors.stalled(BROKER);
    };
    let isSettled = false;
    const settled = settler.settled().then(() => {
      isSettled = true;
    });
    settler.settle(8, 1, Verb.Done);
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

  it('settles nothing to another store, where its id is that of another message', async (t) => {
    const { clock, first, settler, handled, told, known } = given(t);
    let end = () => {};
    settler.settleAfter(7, 1, new Promise((resolve) => (end = resolve)));
    first.push(linkErrors.stalled(BROKER));
    settler.settle(8, 1, Verb.Failed);
    await turn();
    settler.forget();
    assert.equal(known(), undefined);
    handled.add(7, 1, Reason.Later); // of the new store
    end();
    await clock.pass(1000);
    await settler.settled();
    assert.deepEqual(told(), ['8.1 f']);
    assert.deepEqual(known(), [Reason.Later, undefined]);
    settler.settle(7, 1, Verb.Done);
    await settler.settled();
    assert.deepEqual(told(), ['8.1 f', '7.1 d']);
  });

  it('gives nothing back that was delivered anew, before a try and while it waits for the bus', async (t) => {
    const { clock, fake, first, settler, told } = given(t);
    first.push(linkErrors.stalled(BROKER));
    settler.settle(7, 1, Verb.Release);
    await turn();
    settler.delivered(7);
    await clock.pass(200);
    await settler.settled();
    assert.deepEqual(told(), ['7.1 r']);

    let free = () => {};
    fake.busFree = new Promise((resolve) => (free = resolve));
    settler.settle(7, 1, Verb.Release);
    await turn();
    settler.delivered(7);
    free();
    await settler.settled();
    assert.deepEqual([told().length, fake.holds], [1, 2]);
  });

  it('lets a delivery take back only the giving back, and only of that message', async (t) => {
    const { clock, fake, first, settler, told } = given(t);
    first.push(...Array.from({ length: 3 }, () => linkErrors.stalled(BROKER)));
    settler.settle(7, 1, Verb.Failed);
    settler.settle(8, 1, Verb.Dead);
    settler.settle(9, 1, Verb.Release);
    await turn();
    for (const id of [7, 8]) settler.delivered(id);
    await clock.pass(200);
    await settler.settled();
    assert.deepEqual(told().slice(3).sort(), ['7.1 f', '8.1 x', '9.1 r']);
    assert.equal(fake.sent.length, 6);
  });

  it('gives back what was delivered anew and given back again, once', async (t) => {
    const { clock, first, settler, told } = given(t);
    first.push(linkErrors.stalled(BROKER), linkErrors.stalled(BROKER));
    settler.settle(7, 1, Verb.Release);
    await turn();
    await clock.pass(100);
    settler.delivered(7);
    settler.settle(7, 1, Verb.Release);
    await turn();
    await clock.pass(100); // the first one ends, and takes the second one not along
    assert.equal(told().length, 2);
    await clock.pass(100);
    await settler.settled();
    assert.equal(told().length, 3);
  });
});

describe('verbOf', () => {
  it('reads what an error says, if anything', () => {
    assert.equal(verbOf({ settle: 'release' }), Verb.Release);
    assert.equal(verbOf({ settle: 'dead' }), Verb.Dead);
    for (const error of [new Error('no'), { settle: 'x' }, { settle: 1 }, null, undefined, 'dead'])
      assert.equal(verbOf(error), Verb.Failed);
  });
});
