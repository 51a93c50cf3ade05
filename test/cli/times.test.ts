import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { moment } from '../../src/options/times.ts';

/** What a text means to somebody in a time zone. */
function at(t: TestContext, zone: string, now: string): (text: string) => string {
  const before = process.env.TZ;
  process.env.TZ = zone;
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse(now) });
  t.after(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });
  return (text) => moment.parse(text).toISOString().slice(0, 19);
}

describe('a moment', () => {
  it('is local, unless it names a zone', (t) => {
    const parse = at(t, 'Europe/Berlin', '2026-11-26T20:00:00Z');
    assert.equal(parse('2026-12-01 09:00'), '2026-12-01T08:00:00');
    assert.equal(parse('2027-07-01T9:00:30'), '2027-07-01T07:00:30');
    assert.equal(parse('2026-12-01T09:00Z'), '2026-12-01T09:00:00');
    assert.equal(parse('2026-12-01 09:00 -05:30'), '2026-12-01T14:30:00');
    assert.equal(parse('2026-12-01 00:30+0100'), '2026-11-30T23:30:00');
  });

  it('without a day is the next time that clocks show it', (t) => {
    const parse = at(t, 'America/New_York', '2026-11-27T03:00:00Z'); // 22:00 of the 26th
    assert.equal(parse('23:15'), '2026-11-27T04:15:00');
    assert.equal(parse('21:00'), '2026-11-28T02:00:00');
    assert.equal(parse('04:00Z'), '2026-11-27T04:00:00');
    assert.equal(parse('02:59Z'), '2026-11-28T02:59:00');
  });

  it('leaves out what no clock shows', (t) => {
    const parse = at(t, 'Europe/Berlin', '2026-11-26T20:00:00Z');
    for (const text of [
      ...['2027-03-28 02:30', '2027-02-30 09:00', '2027-02-30T09:00Z', '2027-13-01 09:00'],
      ...['24:00', '09:60', '9', 'tomorrow', '', '2027-01-01', '12-01 09:00', '+5 09:00'],
    ])
      assert.throws(() => parse(text), { code: 'bad-moment' }, text);
  });

  it('is not in the past', (t) => {
    const parse = at(t, 'UTC', '2026-11-26T20:00:00Z');
    assert.equal(parse('2026-11-26 20:00'), '2026-11-26T20:00:00');
    assert.throws(() => parse('2026-11-26 19:59'), { code: 'bad-moment', message: /in the past/ });
  });

  it('of a program is a Date', () => {
    moment.check(new Date(0));
    for (const value of [new Date(Number.NaN), '2026-12-01 09:00', 5, null])
      assert.throws(() => moment.check(value), { code: 'bad-moment' });
  });
});
