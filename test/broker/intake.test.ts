import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { Intake, type Judged } from '../../src/broker/intake.ts';
import type { Peer } from '../../src/broker/peer.ts';
import { encodeBatch } from '../../src/codec/batch.ts';
import { decodeFrame, type Envelope, encodeEnvelope, seqOf } from '../../src/codec/envelope.ts';
import type { MessageFields } from '../../src/codec/fields.ts';
import { Reason } from '../../src/codec/reason.ts';
import type { Verdict } from '../../src/link/frame-receiver.ts';
import { messagesFrame } from '../../src/link/messages.ts';
import { StoreUnknown, storeErrors } from '../../src/queue/errors.ts';
import { oddFrames, utf8 } from '../codec/vectors.ts';
import { FakeStore } from './fakes.ts';

const PRODUCER: Peer = { pid: 70, start: 500 };
const OTHER: Peer = { pid: 71, start: 500 };
const MAX = 100;

function given() {
  const store = new FakeStore();
  const intake = new Intake({ store, bootId: 'boot', maxMessageBytes: MAX, place: 'here' });
  const judged: Judged[] = [];
  /** A frame as it comes, and its verdict. */
  const take = async (frame: Uint8Array, peer = PRODUCER): Promise<Verdict | undefined> => {
    const result = await intake.judge(peer, decodeFrame(frame));
    judged.push(result);
    return result.verdict;
  };
  const judge = async (
    seq: number,
    body: string | Uint8Array,
    more: Partial<Envelope> = {},
    peer = PRODUCER,
  ): Promise<Verdict | undefined> => {
    const bytes = typeof body === 'string' ? utf8(body) : body;
    const envelope = { seq, body: bytes, control: false, fields: {}, ...more };
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
    assert.deepEqual(intake.lastSent(PRODUCER), [{ id: message.id, isDuplicate: false }]);
    assert.deepEqual(intake.lastSent(OTHER), []);
  });

  it('stores once what comes again while it is being stored, and whoever else comes meanwhile', async () => {
    const { store, judge, waiting } = given();
    const open = store.hold('publish');
    const verdicts = [judge(0, 'a'), judge(0, 'a'), judge(0, 'b', {}, OTHER), judge(0, 'a')];
    open();
    assert.deepEqual(await Promise.all(verdicts), [0, 0, 0, 0]);
    assert.deepEqual(await waiting(), ['a', 'b']);
  });

  it('keeps the bytes of a message, not those of the frame that it came in', async () => {
    const { take, waiting } = given();
    const envelope = { seq: 0, body: utf8('hi'), control: false, fields: {} };
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
    const envelope = { seq: 0, body: utf8('hi'), control: false, fields: {} };
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
  /** A frame of many, each in its own queue if it names one: `queue/body`. */
  const group = (seq: number, texts: readonly string[], fields: MessageFields = {}) => {
    const entries = texts.map((text) => {
      const [body = '', queue] = text.split('/').reverse();
      return { fields: queue === undefined ? {} : { queue }, body: utf8(body) };
    });
    const plain = { batch: true, brotli: false, model: false };
    return messagesFrame(seq, { fields, entries }, plain).subarray(0, -1);
  };
  const tooLarge = 'x'.repeat(MAX + 1);

  it('stores all of it at once, in order, and as its frame and each entry say', async () => {
    const { intake, store, take, published, waiting } = given();
    assert.equal(await take(group(0, ['a', 'q/b', 'c'], { priority: 2 })), 0);
    assert.deepEqual([await waiting(), await waiting('q')], [['a', 'c'], ['b']]);
    const stored = [...(await store.peek('default')), ...(await store.peek('q'))];
    assert.ok(stored.every(({ priority }) => priority === 2));
    assert.deepEqual(published(), ['a', 'b', 'c']);
    const ids = intake.lastSent(PRODUCER).map(({ id }) => id);
    assert.deepEqual(ids.sort(), stored.map(({ id }) => id).sort());
  });

  it('takes a packed one as it was before it was packed', async () => {
    const { take, waiting } = given();
    const texts = Array.from({ length: 256 }, (_, n) => `message ${n}`);
    const entries = texts.map((text) => ({ fields: {}, body: utf8(text) }));
    const frame = messagesFrame(0, { fields: {}, entries }, { brotli: true });
    assert.ok(frame.length < 1500);
    assert.equal(await take(frame.subarray(0, -1)), 0);
    assert.deepEqual((await waiting()).length, 100); // as many as are shown
    assert.deepEqual((await waiting()).slice(0, 3), texts.slice(0, 3));
  });

  it('takes it once, and the next one', async () => {
    const { take, waiting } = given();
    assert.equal(await take(group(0, ['a', 'b'])), 0);
    assert.equal(await take(group(0, ['a', 'b'])), 0);
    assert.equal(await take(group(1, ['c', 'd'])), 0);
    assert.equal(await take(group(1, ['c', 'd'], { number: 1 })), 0);
    assert.equal(await take(group(0, ['a', 'b'], { number: 0 })), 0);
    assert.deepEqual(await waiting(), ['a', 'b', 'c', 'd']);
  });

  it('stores nothing of it when one is refused, and takes it again', async () => {
    const { take, waiting, refused } = given();
    for (const [texts, reason] of [
      [['a', tooLarge, 'c'], Reason.TooLarge],
      [['a', 'b', 'no queue/c'], Reason.Unsupported],
    ] as const) {
      assert.equal(await take(group(0, texts)), reason);
      assert.deepEqual(await waiting(), []);
    }
    assert.deepEqual(refused(), [
      [Reason.TooLarge, 3],
      [Reason.Unsupported, 3],
    ]);
    assert.equal(await take(group(0, ['a', 'b'])), 0);
    assert.deepEqual(await waiting(), ['a', 'b']);
  });

  it('stores nothing of it when there is room for a part, and takes it again', async () => {
    const { store, take, waiting, refused } = given();
    store.failing.set('publish', storeErrors.tooMany(1, 1));
    assert.equal(await take(group(0, ['a', 'b'])), Reason.Full);
    assert.deepEqual(refused(), [[Reason.Full, 2]]);
    store.failing.clear();
    assert.equal(await take(group(0, ['a', 'b'])), 0);
    assert.deepEqual(await waiting(), ['a', 'b']);
  });

  it('is not held up by what another sends meanwhile, nor mixed with it', async () => {
    const { store, take, waiting } = given();
    const open = store.hold('publish');
    const frames: [number, string[], Peer][] = [
      [0, ['a', 'b'], PRODUCER],
      [0, ['x', 'y'], OTHER],
      [1, ['c', 'd'], PRODUCER],
      [0, ['a', 'b'], PRODUCER], // again, before it was answered
    ];
    const verdicts = frames.map(([seq, texts, peer], n) =>
      take(group(seq, texts, n < 3 ? {} : { number: 0 }), peer),
    );
    open();
    assert.deepEqual(await Promise.all(verdicts), [0, 0, 0, 0]);
    assert.deepEqual(await waiting(), ['a', 'b', 'x', 'y', 'c', 'd']);
  });

  it('is refused while closing or draining, whole', async () => {
    for (const mode of ['closing', 'draining'] as const) {
      const { intake, take, waiting } = given();
      intake[mode] = true;
      assert.equal(await take(group(0, ['a', 'b'])), Reason.Closing);
      assert.deepEqual(await waiting(), []);
    }
  });

  it('is at most 256 messages, as many as it says', async () => {
    const { store, judge, take, refused } = given();
    const texts = Array(257).fill('x');
    assert.equal(await take(group(0, texts)), Reason.Unsupported);
    const body = encodeBatch([{ fields: {}, body: utf8('x') }]);
    for (const count of [0, 2, 257, Number.MAX_SAFE_INTEGER]) {
      assert.equal(await judge(0, body, { fields: { count } }), Reason.Unsupported, `${count}`);
    }
    assert.deepEqual(await store.counts(), []);
    assert.ok(
      refused().every(([, messages = 0]) => messages >= 1 && messages <= 256),
      'a number that nobody has sent is counted',
    );
    assert.equal(await take(group(0, texts.slice(1))), 0);
    assert.equal((await store.counts())[0]?.ready, 256);
  });

  it('is not unpacked when it says that it would be too large', async () => {
    const { judge, waiting } = given();
    const bomb = brotliCompressSync(Buffer.alloc(1 << 26));
    for (const [unpacked, reason] of [
      [1 << 26, Reason.TooLarge],
      [MAX + (64 << 10) + 1, Reason.TooLarge],
      [1000, Reason.Unsupported], // it is more than it says
    ] as const) {
      for (const count of [{}, { count: 2 }]) {
        assert.equal(await judge(0, bomb, { fields: { unpacked, ...count } }), reason);
      }
    }
    const packed = brotliCompressSync(Buffer.from('x'.repeat(MAX + 1)));
    assert.equal(await judge(0, packed, { fields: { unpacked: MAX + 1 } }), Reason.TooLarge);
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

  it('is not answered when nobody knows whether it is stored, until somebody does', async () => {
    const { store, judge, waiting } = given();
    await judge(0, 'before');
    const publish = store.publish;
    store.publish = async (batch) => {
      await publish(batch);
      throw new StoreUnknown('store-unknown', 75, 'It broke.', 'Wait.');
    };
    assert.equal(await judge(1, 'a'), undefined);
    store.publish = publish;
    store.failing.set('lastNumber', new Error('away'));
    assert.equal(await judge(1, 'a', { fields: { number: 1 } }), undefined, 'still not known');
    assert.equal(await judge(0, 'c', {}, OTHER), Reason.Store, 'nothing of this one is');
    store.failing.clear();
    assert.equal(await judge(1, 'a', { fields: { number: 1 } }), 0);
    assert.deepEqual(await waiting(), ['before', 'a']);
    assert.equal(await judge(2, 'b'), 0);
  });

  it('is judged by what the store knows when that is another by now', async () => {
    const { store, intake, judge, waiting } = given();
    assert.equal(await judge(0, 'a'), 0);
    assert.equal(await judge(1, 'b'), 0);
    store.lastNumber = async () => 0; // it was restored
    intake.forget();
    assert.equal(await judge(2, 'c'), Reason.Unknown, 'asks for its number');
    assert.equal(await judge(2, 'c', { fields: { number: 2 } }), 0);
    assert.deepEqual(await waiting(), ['a', 'b', 'c']);
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
      return [{ id: 1, isDuplicate: false }];
    };
    void Promise.resolve(intake.takePlain(utf8('x')));
    const idle = intake.idle().then(() => order.push('idle'));
    open();
    await idle;
    assert.deepEqual(order, ['stored', 'idle']);
  });
});
