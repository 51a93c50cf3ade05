// Whether the checker can fail: what it is there to notice is made here.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consumer, record, worker } from './fixtures.mjs';
import { hasty, Ledger, outOfOrder } from './ledger.mjs';
import { Fate } from './message.mjs';
import { Stretches, UNKNOWN } from './stretches.mjs';

/** @typedef {{ overdue?: Set<number>, prepare?: (ledger: Ledger) => void }} Told */

/** Three messages, all confirmed. */
function audit(consumers, /** @type {Told} */ { overdue, prepare = () => {} } = {}) {
  const ledger = new Ledger();
  for (const number of [0, 1, 2]) {
    ledger.attempted.add(number);
    ledger.confirm(number);
  }
  prepare(ledger);
  return ledger.audit(consumers, overdue);
}

const all = () => [record(0), record(1), record(2)];

describe('the ledger', () => {
  it('has nothing to say when every message came once', () => {
    const { wrong, counts } = audit([consumer(all().slice(0, 1)), consumer(all().slice(1))]);
    assert.deepEqual(wrong, []);
    assert.deepEqual(counts, { attempted: 3, confirmed: 3, delivered: 3, repeats: 0 });
  });

  /** @type {Record<string, [consumers: any[], RegExp]>} */
  const cases = {
    'a message is lost': [[consumer(all().slice(1))], /not delivered: 0$/m],
    'a message is altered': [
      [
        consumer([
          { ...record(0), text: record(0).text.replace('0 ok', '0 ko') },
          ...all().slice(1),
        ]),
      ],
      /nobody sent/,
    ],
    'a message comes from nowhere': [[consumer([...all(), record(3)])], /nobody sent/],
    'half a message was written': [
      [consumer([...all(), { ...record(1), text: record(1).text.slice(0, -1) }])],
      /nobody sent/,
    ],
    'a message is delivered again for no reason': [
      [consumer([...all(), record(1, { attempt: 2 })])],
      /message 1 was delivered again without a reason/,
    ],
    'an attempt is delivered twice, though the consumer was killed': [
      [consumer(all(), { died: true }), consumer([record(1)])],
      /message 1 was delivered twice as attempt 1/,
    ],
    'the one that was killed came later': [
      [consumer(all()), consumer([record(1, { attempt: 2 })], { died: true })],
      /again without a reason/,
    ],
    'a message is stored twice': [
      [consumer(all(), { died: true }), consumer([record(1, { id: 500 })])],
      /stored twice/,
    ],
    'a failed message does not come again': [
      [worker([record(0, { fate: Fate.Fail })]), consumer(all().slice(1))],
      /not delivered: 0$/m,
    ],
    'a message that was given back does not come again': [
      [worker([record(0, { fate: Fate.Later })]), consumer(all().slice(1))],
      /not delivered: 0$/m,
    ],
    'a job was left unfinished when its consumer was killed': [
      [worker([record(0, { fate: Fate.Slow })], { died: true }), consumer(all().slice(1))],
      /not delivered: 0$/m,
    ],
    'a job that goes on is given to another': [
      [
        worker([record(0, { fate: Fate.Long, ended: true })]),
        consumer([...all().slice(1), record(0, { fate: Fate.Long, attempt: 2 })]),
      ],
      /again without a reason/,
    ],
    'an attempt is spent on giving back': [
      [
        worker([
          record(0, { fate: Fate.Later }),
          record(0, { fate: Fate.Later, attempt: 2, ended: true }),
        ]),
        consumer(all().slice(1)),
      ],
      /message 0 spent attempt 1/,
    ],
    'nobody counts what is given back': [
      [
        worker([
          record(0, { fate: Fate.Later, releases: 0 }),
          record(0, { fate: Fate.Later, releases: 0, ended: true }),
        ]),
        consumer(all().slice(1)),
      ],
      /message 0 was given back, and the next delivery tells of 0 times/,
    ],
    'an attempt is spent on a signal to consumer and command': [
      [
        worker([record(0, { fate: Fate.Slow })], { signalled: true }),
        worker([record(0, { fate: Fate.Slow, attempt: 2, ended: true })]),
        consumer(all().slice(1)),
      ],
      /message 0 spent attempt 1/,
    ],
    'what was done comes again when its consumer was ended': [
      [
        worker([record(0, { fate: Fate.Slow, ended: true })], { signalled: true }),
        worker([record(0, { fate: Fate.Slow, ended: true })]),
        consumer(all().slice(1)),
      ],
      /message 0 was delivered twice as attempt 1/,
    ],
    'a rejected message comes again': [
      [
        consumer(all().slice(1)),
        worker([record(0, { fate: Fate.Bad }), record(0, { fate: Fate.Bad, attempt: 2 })]),
      ],
      /again without a reason/,
    ],
  };
  for (const [name, [consumers, sentence]] of Object.entries(cases)) {
    it(`notices that ${name}`, () => {
      const { wrong } = audit(consumers);
      assert.match(wrong.join('\n'), sentence);
    });
  }

  it('accepts another delivery after a death, a failure, or an expired ack-wait', () => {
    const again = [record(1, { attempt: 2 })];
    assert.deepEqual(audit([consumer(all(), { died: true }), consumer(again)]).wrong, []);
    const overdue = new Set([101]);
    assert.deepEqual(audit([consumer([...all(), ...again])], { overdue }).wrong, []);
    for (const { fate, attempt } of [
      { fate: Fate.Fail, attempt: 2 },
      { fate: Fate.Later, attempt: 1 },
    ]) {
      const records = [record(1, { fate }), record(1, { fate, attempt, ended: true })];
      const others = consumer([record(0), record(2)]);
      assert.deepEqual(audit([worker(records), others]).wrong, []);
    }
  });

  it('accepts the same attempt where a crash may have undone the first, and nowhere else', () => {
    const again = (more) => [consumer([...all(), record(0, more)])];
    assert.deepEqual(audit(again({ mayBeUndone: true })).wrong, []);
    assert.match(audit(again({})).wrong.join(), /twice as attempt 1/);
    assert.match(audit(again({ mayBeUndone: true, id: 9 })).wrong.join(), /stored twice/);
  });

  it('accepts the same attempt after a signal that ended consumer and command', () => {
    const crew = [
      worker([record(0, { fate: Fate.Slow })], { signalled: true }),
      worker([record(0, { fate: Fate.Slow, ended: true })]),
      consumer(all().slice(1)),
    ];
    assert.deepEqual(audit(crew).wrong, []);
  });

  it('lets what has a lifetime expire, unless somebody has taken it', () => {
    const prepare = (ledger) => ledger.mortal.add(0);
    const others = consumer(all().slice(1));
    assert.deepEqual(audit([others], { prepare }).wrong, []);
    const taken = worker([record(0, { fate: Fate.Slow })], { died: true });
    assert.match(audit([taken, others], { prepare }).wrong.join(), /not delivered: 0$/);
    const failed = worker([record(0, { fate: Fate.Fail })]);
    assert.match(audit([failed, others], { prepare }).wrong.join(), /not delivered: 0$/);
  });

  it('notices what is delivered after its lifetime', () => {
    const prepare = (ledger) => ledger.mortal.add(0) && ledger.expired.add(0);
    assert.deepEqual(audit([consumer(all().slice(1))], { prepare }).wrong, []);
    assert.match(audit([consumer(all())], { prepare }).wrong.join(), /0 was delivered after/);
  });

  it('notices that what took long was delivered again, though its consumer lived', () => {
    const slow = [1, 2].map((attempt) => record(0, { fate: Fate.Slow, attempt, ended: true }));
    const crew = [worker(slow), consumer(all().slice(1))];
    const overdue = new Set([100]);
    assert.deepEqual(audit(crew, { overdue }).wrong, []);
    const prepare = (ledger) => ledger.once.add(0);
    assert.match(
      audit(crew, { overdue, prepare }).wrong.join(),
      /0 took long, and was delivered 2/,
    );
  });

  it('notices what expired and was not kept, and what was kept without a reason', () => {
    const ledger = new Ledger();
    for (const number of [0, 1, 2]) {
      ledger.attempted.add(number);
      ledger.confirm(number);
    }
    ledger.mortal.add(0).add(1);
    const told = (dead) => ledger.unkept([consumer([record(1)])], new Set(dead)).join('\n');
    assert.match(told([2]), /message 0 expired and was not kept/);
    assert.match(told([0, 1]), /message 1 was taken, and is dead/);
    assert.match(told([0, 2]), /message 2 is dead as expired, and had no lifetime/);
    ledger.mortal.add(2);
    assert.equal(told([0, 2]), '');
  });

  it('notices what is given back without a pause', () => {
    const times = (count) => Array.from({ length: count }, () => record(0, { fate: Fate.Poison }));
    assert.deepEqual(hasty(times(5), 15), []);
    assert.match(hasty(times(15), 15).join(), /message 0 came 15 times in 15 s/);
  });

  it('notices what was refused and comes all the same', () => {
    const prepare = (ledger) => ledger.refused.add(0);
    assert.match(audit([consumer(all())], { prepare }).wrong.join(), /0 was refused and/);
  });

  it('notices a change of order', () => {
    assert.deepEqual(outOfOrder(all()), []);
    assert.deepEqual(outOfOrder([record(1), record(0)]), ['message 0 is out of order']);
    assert.deepEqual(outOfOrder([record(1), record(1)]), ['message 1 is out of order']);
  });
});

describe('the ledger of kicks', () => {
  const kicked = (...after) => ({
    prepare: (ledger) => {
      for (const attempt of after) ledger.kick(0, attempt);
    },
  });
  const others = consumer(all().slice(1));
  const stubborn = (attempt) => record(0, { fate: Fate.Stubborn, attempt, ended: attempt > 3 });

  it('has nothing to say when a message is handled after its last kick', () => {
    const crew = [worker([1, 2, 3, 4].map(stubborn)), others];
    assert.deepEqual(audit(crew, kicked(1, 2, 3)).wrong, []);
    const rejected = { ...record(0, { fate: Fate.Bad }), ended: false };
    const again = { ...rejected, attempt: 2 };
    assert.deepEqual(audit([worker([rejected, again]), others], kicked(1)).wrong, []);
  });

  it('notices that a message vanishes when it is kicked back', () => {
    const { wrong } = audit([worker([1, 2].map(stubborn)), others], kicked(1, 2));
    assert.match(wrong.join('\n'), /message 0 was kicked back after attempt 2 and not handled/);
    assert.match(wrong.join('\n'), /not delivered: 0$/m);
  });

  it('notices that what was handled once does not come again after a kick', () => {
    assert.match(audit([consumer(all())], kicked(1)).wrong.join(), /after attempt 1 and not/);
  });

  it('notices that a kick begins with an attempt that others have seen', () => {
    const crew = [worker([stubborn(1)]), worker([stubborn(1), stubborn(4)]), others];
    assert.match(audit(crew, kicked(1)).wrong.join(), /message 0 was delivered twice as attempt 1/);
  });
});

describe('the ledger of stores', () => {
  /** Message 0 and 1 in store 0, then another store, in which message 2 is sent. */
  const turned = (kept, opened) => (ledger) => {
    ledger.stretches = new Stretches();
    ledger.confirm(0);
    ledger.confirm(1);
    ledger.stretches.turn(kept, opened);
    ledger.confirm(2);
  };
  const content = (...numbers) => new Map(numbers.map((number) => [number, 'ready']));
  const at = (stretch, number, more) => record(number, { stretch, ...more });

  it('has nothing to say when each store gave out what it had', () => {
    const whole = turned(content(1), content());
    assert.deepEqual(audit([consumer([at(0, 0), at(1, 2)])], { prepare: whole }).wrong, []);
    const restored = turned(content(1), content(0));
    const records = [at(0, 0), at(1, 0), at(1, 2, { id: 101 })];
    assert.deepEqual(audit([consumer(records)], { prepare: restored }).wrong, []);
  });

  it('excuses what a store in memory had at its end', () => {
    const prepare = turned(UNKNOWN, content());
    assert.deepEqual(audit([consumer([at(1, 2)])], { prepare }).wrong, []);
  });

  /** @type {Record<string, [records: any[], prepare: (ledger: Ledger) => void, RegExp]>} */
  const cases = {
    'a store lost what it had confirmed': [
      [at(0, 0), at(1, 2)],
      turned(content(), content()),
      /not delivered: 1$/m,
    ],
    'what was sent to the new store is taken for something else': [
      [at(0, 0), at(0, 1)],
      turned(content(), content()),
      /not delivered: 2$/m,
    ],
    'what was in a backup does not come again': [
      [at(0, 0), at(0, 1), at(1, 2)],
      turned(content(), content(0)),
      /in store 1 when it was opened, and not delivered from it: 0$/m,
    ],
    'a store gives out what it had not': [
      [at(0, 0), at(0, 1), at(1, 2), at(1, 0)],
      turned(content(), content()),
      /message 0 was delivered from a store that had it not/,
    ],
    'a restored store gives something out twice': [
      [at(0, 0), at(0, 1), at(1, 2), at(1, 0), at(1, 0, { attempt: 2 })],
      turned(content(), content(0)),
      /message 0 was delivered again without a reason/,
    ],
  };
  for (const [name, [records, prepare, sentence]] of Object.entries(cases)) {
    it(`notices that ${name}`, () => {
      assert.match(audit([consumer(records)], { prepare }).wrong.join('\n'), sentence);
    });
  }

  it('lets a message in doubt be sent to both stores, and be in either', () => {
    const prepare = (ledger) => {
      ledger.stretches = new Stretches();
      ledger.stretches.turn(content(), content());
      for (const number of [0, 1, 2]) ledger.confirm(number, 0);
    };
    const records = [at(0, 0), at(1, 0, { id: 500 }), at(0, 1), at(1, 2)];
    assert.deepEqual(audit([consumer(records)], { prepare }).wrong, []);
  });
});
