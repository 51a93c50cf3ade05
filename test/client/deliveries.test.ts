/** What a consumer answers to a frame of many, and what it tells of each afterwards. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deliveries } from '../../src/client/deliveries.ts';
import { Handled, type Name } from '../../src/client/handled.ts';
import type { Message } from '../../src/client/message.ts';
import type { Settler } from '../../src/client/settler.ts';
import type { Entry } from '../../src/codec/batch.ts';
import { encodeEnvelope } from '../../src/codec/envelope.ts';
import type { MessageFields } from '../../src/codec/fields.ts';
import { Reason } from '../../src/codec/reason.ts';
import { messagesFrame } from '../../src/link/messages.ts';
import type { Told, Verb } from '../../src/link/settlement.ts';
import { utf8 } from '../codec/vectors.ts';

let senders = 0;

/** A consumer that does with each message what its body says: `done`, `fail`, `return`, `reject`, `wait`. */
function given() {
  const taken: Message[] = [];
  const settled: string[] = [];
  const handled = new Handled();
  const settler = {
    settle: async ({ id }: Name, verb: Verb, { reason }: Told = {}) => {
      settled.push([id, verb, ...(reason === undefined ? [] : [reason])].join(' '));
      return true;
    },
    heard: () => {},
    keep: () => {},
  } as unknown as Settler;
  const take = (message: Message) => {
    taken.push(message);
    const [what, why] = message.text().split(' ');
    if (what === 'done') void message.done();
    if (what === 'fail') void message.fail(why);
    if (what === 'return') void message.release({ now: true });
    if (what === 'reject') void message.reject();
  };
  const deliveries = new Deliveries({ settler, handled, take, judgeControl: () => 0 });
  // What was told is known of the process that told it, for all tests in this one.
  const sender = { pid: 70, start: ++senders } as never;
  const judge = (frame: Uint8Array) => deliveries.judge(sender, frame.subarray(0, -1));
  const deliver = (texts: readonly string[], fields: MessageFields = { incarnation: 5, id: 1 }) => {
    const { id, ...shared } = fields;
    const entries: Entry[] = texts.map((text, n) => {
      return { fields: n === 0 && id !== undefined ? { id } : {}, body: utf8(text) };
    });
    return judge(messagesFrame(0, { fields: shared, entries }, { brotli: false }));
  };
  const ids = () => taken.map(({ id }) => id);
  return { deliveries, judge, deliver, taken, ids, settled };
}

describe('a frame of many', () => {
  it('is answered for all when all are done, or none was taken', () => {
    const { deliver, ids, settled, deliveries } = given();
    assert.equal(deliver(['done', 'done', 'done']), 0);
    assert.equal(deliver(['return', 'return'], {}), Reason.Closing);
    assert.deepEqual([ids(), settled], [[1, 2, 3, 4, 5], []]);
    deliveries.isOver = true;
    assert.equal(deliver(['done', 'done'], {}), Reason.Closing);
    assert.deepEqual([ids().length, settled], [5, []]);
  });

  it('settles one that has failed for a reason, as an answer has no room for that', () => {
    const { deliver, settled } = given();
    assert.equal(deliver(['fail']), Reason.Failed);
    assert.equal(deliver(['fail boom'], {}), Reason.Later);
    assert.deepEqual(settled, ['2 f boom']);
  });

  for (const [texts, told] of [
    [['done', 'wait'], ['1 d']],
    [['wait', 'wait'], []],
    [
      ['done', 'fail', 'return', 'reject'],
      ['1 d', '2 f', '3 b', '4 x'],
    ],
    [
      ['fail', 'fail'],
      ['1 f', '2 f'],
    ],
  ] as const) {
    it(`is answered with 'later', and each told for itself, when ${texts.join(', ')}`, () => {
      const { deliver, settled } = given();
      assert.equal(deliver(texts), Reason.Later);
      assert.deepEqual(settled, told);
    });
  }

  it('is settled for each as its work ends', () => {
    const { deliver, taken, settled } = given();
    deliver(['wait', 'done', 'wait']);
    void taken[2]?.done();
    void taken[0]?.fail();
    assert.deepEqual(settled, ['2 d', '3 d', '1 f']);
  });

  it('is answered as before when it comes again, and handled once', () => {
    for (const texts of [['done', 'done'], ['done', 'wait'], ['fail', 'reject'], ['wait']]) {
      const { deliver, taken, settled } = given();
      const verdict = deliver(texts);
      const before = [...settled];
      assert.equal(deliver(texts), verdict);
      assert.equal(taken.length, texts.length);
      // Settled once more, or as it was.
      assert.deepEqual(new Set(settled), new Set(before));
    }
  });

  it('may hold what was answered before, beside what is new', () => {
    const { deliver, ids, settled } = given();
    assert.equal(deliver(['done']), 0);
    assert.equal(deliver(['done', 'wait']), Reason.Later);
    assert.deepEqual([ids(), settled], [[1, 2], ['1 d']]);
  });

  it('is as if it had never come when none was taken', () => {
    const { deliver, ids } = given();
    assert.equal(deliver(['return', 'return']), Reason.Closing);
    assert.equal(deliver(['return', 'return']), Reason.Closing);
    assert.deepEqual(ids(), [1, 2, 1, 2]);
  });

  it('gives each message what its frame and its entry say', () => {
    const { judge, taken } = given();
    const entries: Entry[] = [
      { fields: { id: 9 }, body: utf8('done') },
      { fields: { attempt: 3, releases: 2, headers: [['k', 'v']] }, body: utf8('done') },
      { fields: { queue: 'r' }, body: utf8('done') },
    ];
    const fields = { queue: 'q', incarnation: 5 };
    assert.equal(judge(messagesFrame(0, { fields, entries }, { brotli: false })), 0);
    assert.deepEqual(
      taken.map(({ id, queue, attempt, releases, headers }) => [
        ...[id, queue, attempt, releases, headers],
      ]),
      [
        [9, 'q', 1, 0, []],
        [10, 'q', 3, 2, [['k', 'v']]],
        [11, 'r', 1, 0, []],
      ],
    );
  });

  it('is refused as a whole when the id of one cannot be known, or it makes no sense', () => {
    const { deliver, judge, taken } = given();
    assert.equal(deliver(['done', 'done'], {}), Reason.Unsupported);
    const body = utf8('done');
    for (const fields of [{ count: 2 }, { count: 257 }, { count: 0 }, { unpacked: 9 }]) {
      const envelope = { seq: 0, control: false, body, fields: { ...fields, id: 1 } };
      const frame = Buffer.concat([encodeEnvelope(envelope), Uint8Array.of(0)]);
      assert.equal(judge(frame), Reason.Unsupported);
    }
    const huge = { seq: 0, control: false, body, fields: { unpacked: 2 ** 40, id: 1 } };
    assert.equal(judge(Buffer.concat([encodeEnvelope(huge), Uint8Array.of(0)])), Reason.TooLarge);
    assert.deepEqual(taken, []);
    assert.equal(deliver(['done']), 0);
  });

  it('does not know what another process was told', () => {
    const one = given();
    const two = given();
    one.deliver(['done']);
    two.deliver(['done'], { id: 50, incarnation: 6 });
    assert.equal(one.deliver(['done'], {}), Reason.Unsupported);
    assert.equal(one.deliver(['done'], { id: 2, incarnation: 5 }), 0);
    assert.equal(one.deliver(['done'], {}), 0);
    assert.deepEqual(one.ids(), [1, 2, 3]);
  });
});
