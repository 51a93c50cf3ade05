import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Intake, type Judged } from '../../src/broker/intake.ts';
import type { Peer } from '../../src/broker/peer.ts';
import { decodeFrame, type Envelope, encodeEnvelope, seqOf } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import type { Verdict } from '../../src/link/frame-receiver.ts';
import { storeErrors } from '../../src/queue/errors.ts';
import { oddFrames, utf8 } from '../codec/vectors.ts';
import { FakeStore } from './fakes.ts';

const PRODUCER: Peer = { pid: 70, start: 500 };
const OTHER: Peer = { pid: 71, start: 500 };
const MAX = 100;

function given() {
  const store = new FakeStore();
  const intake = new Intake({ store, bootId: 'boot', maxMessageBytes: MAX });
  const judged: Judged[] = [];
  /** A frame as it comes, and its verdict. */
  const take = async (frame: Uint8Array, peer = PRODUCER): Promise<Verdict> => {
    const result = await intake.judge(peer, decodeFrame(frame));
    judged.push(result);
    return result.verdict;
  };
  const judge = async (
    seq: number,
    body: string | Uint8Array,
    more: Partial<Envelope> = {},
    peer = PRODUCER,
  ): Promise<Verdict> => {
    const bytes = typeof body === 'string' ? utf8(body) : body;
    const envelope = { seq, body: bytes, more: false, control: false, fields: {}, ...more };
    return take(encodeEnvelope(envelope), peer);
  };
  /** What waits in a queue. */
  const waiting = async (queue = 'default') =>
    (await store.peek(queue)).map(({ body }) => Buffer.from(body).toString());
  const published = () =>
    judged.flatMap(({ published = [] }) =>
      published.map(({ body }) => Buffer.from(body).toString()),
    );
  const refused = () =>
    judged.flatMap(({ verdict, refused }) => (refused === undefined ? [] : [[verdict, refused]]));
  const errors = () => judged.flatMap(({ error }) => (error === undefined ? [] : [error]));
  return { store, intake, take, errors, published, refused, judge, waiting };
}

const MORE = { more: true };

describe('Intake', () => {
  it('stores a message with what its fields say', async () => {
    const { intake, store, published, judge } = given();
    const fields = { queue: 'q', priority: 3, delayMs: 60_000, headers: [['k', 'v']] as const };
    assert.equal(await judge(0, 'hi', { fields }), 0);
    const [message] = await store.peek('q');
    assert.ok(message);
    const { body, headers, priority, state } = message;
    assert.deepEqual(
      [Buffer.from(body).toString(), headers, priority, state],
      ['hi', fields.headers, 3, 'delayed'],
    );
    assert.deepEqual(published(), ['hi']);
    assert.deepEqual(intake.lastIds(PRODUCER), [message.id]);
    assert.deepEqual(intake.lastIds(OTHER), []);
  });

  it('stores once what comes again while it is being stored, and whoever else comes meanwhile', async () => {
    const { store, judge, waiting } = given();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const publish = store.publish.bind(store);
    store.publish = async (batch) => {
      await gate;
      return publish(batch);
    };
    const verdicts = [judge(0, 'a'), judge(0, 'a'), judge(0, 'b', {}, OTHER), judge(0, 'a')];
    open();
    assert.deepEqual(await Promise.all(verdicts), [0, 0, 0, 0]);
    assert.deepEqual(await waiting(), ['a', 'b']);
  });

  it('keeps the bytes of a message, not those of the frame that it came in', async () => {
    const { take, waiting } = given();
    const envelope = { seq: 0, body: utf8('hi'), more: false, control: false, fields: {} };
    const frame = encodeEnvelope(envelope);
    const judging = take(frame);
    assert.equal(await judging, 0);
    frame.fill(0);
    assert.deepEqual(await waiting(), ['hi']);
  });

  it('takes printable text without an envelope, and nothing else', async () => {
    const { take, waiting } = given();
    assert.equal(await take(utf8('grüß 🐟')), 0);
    for (const body of ['a\u0007b', '\u0085', 'line\n']) {
      assert.equal(await take(utf8(body)), Reason.Damaged);
    }
    assert.equal(await take(Uint8Array.of(0x41, 0xff)), Reason.Damaged);
    assert.deepEqual(await waiting(), ['grüß 🐟']);
  });

  for (const { name, wire, kind } of oddFrames) {
    it(`refuses ${name} as ${kind}`, () => {
      const verdict = kind === 'damaged' ? Reason.Damaged : Reason.Unsupported;
      assert.deepEqual(given().intake.judge(PRODUCER, decodeFrame(wire)), { verdict });
    });
  }

  it('refuses a frame with any one bit turned, and stores nothing', async () => {
    const { take, waiting } = given();
    const envelope = { seq: 0, body: utf8('hi'), more: false, control: false, fields: {} };
    const frame = encodeEnvelope(envelope);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const turned = Uint8Array.from(frame);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.notEqual(await take(turned), 0, `bit ${bit}`);
    }
    assert.deepEqual(await waiting(), []);
  });

  const unfit: [string, string | Uint8Array, Partial<Envelope>, Reason][] = [
    ['is too large', new Uint8Array(MAX + 1), {}, Reason.TooLarge],
    ['goes to a queue with a bad name', 'x', { fields: { queue: 'a b' } }, Reason.Unsupported],
    [
      'has headers that leave no room for a delivery',
      'x',
      { fields: { headers: [['k', 'v'.repeat(4085)]] } },
      Reason.TooLarge,
    ],
    [
      'is to wait for more than a century',
      'x',
      { fields: { delayMs: 2 ** 53 - 1 } },
      Reason.Unsupported,
    ],
    [
      'is to live for more than a century',
      'x',
      { fields: { ttlMs: 2 ** 53 - 1 } },
      Reason.Unsupported,
    ],
    [
      'would expire before it is due',
      'x',
      { fields: { delayMs: 5000, ttlMs: 5000 } },
      Reason.Unsupported,
    ],
  ];
  for (const [name, body, more, reason] of unfit) {
    it(`refuses what ${name}, and takes the next under the same number`, async () => {
      const { judge, waiting, refused } = given();
      assert.equal(await judge(0, body, more), reason);
      assert.equal(await judge(0, 'next'), 0);
      assert.deepEqual(refused(), [[reason, 1]]);
      assert.deepEqual(await waiting(), ['next']);
    });
  }

  it('takes a message of exactly the limit', async () => {
    assert.equal(await given().judge(0, new Uint8Array(MAX)), 0);
  });

  for (const mode of ['closing', 'draining'] as const) {
    it(`refuses new messages while ${mode}`, async () => {
      const { intake, take, judge, waiting } = given();
      intake[mode] = true;
      assert.equal(await judge(0, 'x'), Reason.Closing);
      assert.equal(await take(utf8('plain')), Reason.Closing);
      await intake.takePlain(utf8('plain'));
      assert.deepEqual(await waiting(), []);
    });
  }
});

describe('Intake and a repeat', () => {
  it('answers as before and stores nothing', async () => {
    const { judge, waiting } = given();
    for (const number of [0, 1, 1, 0, 2, 0]) {
      assert.equal(await judge(number, `${number}`, { fields: { number } }), 0);
    }
    assert.deepEqual(await waiting(), ['0', '1', '2']);
  });

  it('knows it over the wrap of the numbers', async () => {
    const { judge, waiting } = given();
    await judge(126, '126', { fields: { number: 126 } });
    for (const number of [127, 128, 129]) assert.equal(await judge(seqOf(number), `${number}`), 0);
    for (const number of [126, 129]) {
      assert.equal(await judge(seqOf(number), 'repeat', { fields: { number } }), 0);
    }
    assert.deepEqual(await waiting(), ['126', '127', '128', '129']);
  });

  it('is none when it comes from another process', async () => {
    const { judge, waiting } = given();
    await judge(0, 'first');
    await judge(0, 'of another', {}, OTHER);
    await judge(0, 'of another start', {}, { ...PRODUCER, start: 501 });
    assert.equal((await waiting()).length, 3);
  });

  it('is known from the store by a broker that was started anew', async () => {
    const { store, judge, waiting } = given();
    store.lastNumber = async (name: string) => (name === 'boot:70:500' ? 137 : undefined);
    assert.equal(await judge(seqOf(137), 'repeat', { fields: { number: 137 } }), 0);
    assert.equal(await judge(seqOf(138), 'new'), 0);
    assert.deepEqual(await waiting(), ['new']);
  });

  it('is asked for its whole number by a broker that was started anew', async () => {
    for (const number of [50, 100, 137, 138, 200, 500]) {
      const { store, judge, waiting } = given();
      store.lastNumber = async () => 137;
      assert.equal(await judge(seqOf(number), 'a'), Reason.Unknown);
      assert.equal(await judge(seqOf(number), 'a', { fields: { number } }), 0);
      assert.deepEqual(await waiting(), number > 137 ? ['a'] : [], `${number}`);
    }
  });

  it('is none in a store that never had it, however many its sender has sent elsewhere', async () => {
    const { judge, waiting } = given();
    for (const number of [40, 300, 301]) {
      assert.equal(await judge(seqOf(number), `${number}`, { fields: { number } }), 0);
    }
    assert.deepEqual(await waiting(), ['40', '300', '301']);
  });

  it('is not taken for the next one when there is one missing in between', async () => {
    const { judge, waiting } = given();
    assert.equal(await judge(1, 'b'), Reason.Unknown);
    assert.equal(await judge(0, 'a'), 0);
    assert.equal(await judge(2, 'c'), Reason.Unknown);
    assert.equal(await judge(2, 'c', { fields: { number: 2 } }), 0, 'it was given up');
    assert.deepEqual(await waiting(), ['a', 'c']);
  });

  it('is none when the first one could not be stored', async () => {
    const { store, judge, waiting, errors } = given();
    store.failing.set('publish', new Error('disk'));
    assert.equal(await judge(0, 'x'), Reason.Store);
    assert.equal(errors().length, 1);
    store.failing.clear();
    assert.equal(await judge(0, 'x'), 0);
    assert.deepEqual(await waiting(), ['x']);
  });
});

describe('Intake and a group', () => {
  it('stores it with its last frame, and not before', async () => {
    const { intake, store, judge, waiting } = given();
    assert.equal(await judge(0, 'a', MORE), 0);
    assert.equal(await judge(1, 'b', MORE), 0);
    assert.deepEqual(await waiting(), []);
    assert.equal(await judge(2, 'c'), 0);
    assert.deepEqual(await waiting(), ['a', 'b', 'c']);
    const ids = (await store.peek('default')).map(({ id }) => id);
    assert.deepEqual(intake.lastIds(PRODUCER), ids);
  });

  it('takes each frame of it once, also when the last is repeated', async () => {
    const { judge, waiting } = given();
    for (const [number, more] of [
      [0, true],
      [0, true],
      [1, true],
      [1, false],
      [1, false],
    ] as const) {
      assert.equal(await judge(number, `${number}`, { more, fields: { number } }), 0);
    }
    assert.deepEqual(await waiting(), ['0', '1']);
  });

  it('drops all of it when one is refused, and takes them again', async () => {
    const { judge, waiting } = given();
    await judge(0, 'a', MORE);
    assert.equal(await judge(1, new Uint8Array(MAX + 1), MORE), Reason.TooLarge);
    assert.equal(await judge(0, 'a', MORE), 0);
    assert.equal(await judge(1, 'b'), 0);
    assert.deepEqual(await waiting(), ['a', 'b']);
  });

  it('drops all of it when it cannot be stored, and takes them again', async () => {
    const { store, judge, waiting } = given();
    store.failing.set('publish', storeErrors.tooMany(1, 1));
    await judge(0, 'a', MORE);
    assert.equal(await judge(1, 'b'), Reason.Full);
    store.failing.clear();
    await judge(0, 'a', MORE);
    assert.equal(await judge(1, 'b'), 0);
    assert.deepEqual(await waiting(), ['a', 'b']);
  });

  it('drops what a producer began and another one interrupts', async () => {
    const { judge, waiting } = given();
    await judge(0, 'lost', MORE);
    await judge(0, 'of another', {}, OTHER);
    assert.equal(await judge(1, 'its last'), Reason.Unknown, 'or it would confirm what is lost');
    assert.equal(await judge(0, 'lost', { ...MORE, fields: { number: 0 } }), 0);
    assert.equal(await judge(1, 'its last'), 0);
    assert.deepEqual(await waiting(), ['of another', 'lost', 'its last']);
  });

  it('is at most 64 messages', async () => {
    const { judge, waiting } = given();
    for (let seq = 0; seq < 63; seq++) assert.equal(await judge(seq, 'x', MORE), 0);
    assert.equal(await judge(63, 'x', MORE), 0);
    assert.equal(await judge(64, 'x'), Reason.Full);
    assert.deepEqual(await waiting(), []);
  });
});

describe('Intake and plain producers', () => {
  it('takes any bytes of them, up to the limit', async () => {
    const { intake, waiting } = given();
    await intake.takePlain(Uint8Array.of(0x80, 7));
    assert.equal((await waiting()).length, 1);
    const { verdict } = await intake.takePlain(new Uint8Array(MAX + 1).fill(1));
    assert.equal(verdict, Reason.TooLarge);
    assert.equal((await waiting()).length, 1);
  });

  it('says that it lost one, as nobody waits for an answer', async () => {
    const { store, intake } = given();
    store.failing.set('publish', new Error('disk'));
    assert.match(String((await intake.takePlain(utf8('x'))).error), /disk/);
  });

  it('is idle when what came before is stored', async () => {
    const { store, intake } = given();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const order: string[] = [];
    store.publish = async () => {
      await gate;
      order.push('stored');
      return [1];
    };
    void Promise.resolve(intake.takePlain(utf8('x')));
    const idle = intake.idle().then(() => order.push('idle'));
    open();
    await idle;
    assert.deepEqual(order, ['stored', 'idle']);
  });
});
