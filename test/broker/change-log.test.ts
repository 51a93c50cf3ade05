import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ChangeLog } from '../../src/broker/change-log.ts';
import type { Row } from '../../src/changes.ts';

describe('ChangeLog', () => {
  it('tells everything to who knows nothing, then only what has changed', () => {
    const log = new ChangeLog();
    log.look([
      ['a', 1],
      ['b', 1],
    ]);
    const first = log.since(0);
    assert.deepEqual(first, {
      ...{ at: 2, all: true, more: false, gone: [] },
      rows: [
        ['a', 1],
        ['b', 1],
      ],
    });
    log.look([
      ['a', 1],
      ['b', 2],
    ]);
    const second = log.since(first.at);
    assert.deepEqual(second, { at: 3, all: false, more: false, gone: [], rows: [['b', 2]] });
    assert.deepEqual(log.since(second.at).rows, []);
  });

  it('tells what has gone, and that only once', () => {
    const log = new ChangeLog();
    log.look([['a', 1], [7]]);
    const { at } = log.since(0);
    log.look([['a', 1]]);
    const told = log.since(at);
    assert.deepEqual([told.gone, told.rows], [[7], []]);
    assert.deepEqual(log.since(told.at).gone, []);
    assert.deepEqual(log.since(0).gone, []);
  });

  it('tells everything again to who has missed too much, or knows another broker', () => {
    const log = new ChangeLog();
    log.look([['a', 1]]);
    const { at } = log.since(0);
    for (let n = 0; n < 300; n++) log.look([['a', 1], ...(n % 2 === 0 ? [[n]] : [])]);
    log.look([['a', 1]]);
    assert.equal(log.since(at).all, false);
    for (let n = 0; n < 600; n++) log.look([['a', 1], ...(n % 2 === 0 ? [[n]] : [])]);
    assert.deepEqual([log.since(at).all, log.since(at).rows], [true, [['a', 1]]]);
    assert.equal(log.since(1e9).all, true);
  });

  it('tells all that rests page by page, however much has gone since it changed', () => {
    const log = new ChangeLog();
    const resting: Row[] = Array.from({ length: 300 }, (_, n) => [`q${n}`]);
    log.look(resting);
    for (let n = 0; n < 300; n++) log.look([...resting, [n]]);
    log.look(resting);
    const first = log.since(0);
    const second = log.since(first.at);
    assert.deepEqual([first.rows.length, first.more], [200, true]);
    assert.deepEqual([second.all, second.rows.length, second.more], [false, 100, false]);
    assert.equal(new Set([...first.rows, ...second.rows].flat()).size, 300);
  });

  it('brings who asks now and then to where it is, whatever happened', () => {
    const anyRows = fc
      .uniqueArray(fc.tuple(fc.nat(400), fc.nat(3)), { selector: ([key]) => key, maxLength: 400 })
      .map((rows): Row[] => rows.map(([key, value]) => [key < 200 ? `q${key}` : key, value]));
    const property = fc.property(
      fc.array(fc.record({ rows: anyRows, asks: fc.nat(4) }), { maxLength: 12 }),
      (steps) => {
        const log = new ChangeLog();
        const seen = new Map<unknown, Row>();
        let at = 0;
        const ask = () => {
          const told = log.since(at);
          assert.ok(told.rows.length <= 200);
          if (told.all) seen.clear();
          for (const key of told.gone) seen.delete(key);
          for (const row of told.rows) seen.set(row[0], row);
          at = told.at;
          return told.more;
        };
        let last: readonly Row[] = [];
        for (const { rows, asks } of steps) {
          log.look(rows);
          for (let n = 0; n < asks; n++) ask();
          last = rows;
        }
        while (ask());
        const sorted = (all: Iterable<Row>) => [...all].map((row) => JSON.stringify(row)).sort();
        assert.deepEqual(sorted(seen.values()), sorted(last));
      },
    );
    fc.assert(property);
  });
});
