import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Wire } from '../../src/link/wire.ts';
import { type Bits, Exchange, PAIR } from '../../src/signals/addon.ts';

/** A wire to a kernel that gives these results, and the calls that it got. */
function given(results: readonly number[], mayGoOn = true) {
  const left = [...results];
  const calls: unknown[] = [];
  const addon = {
    exchange(...args: [pid: number, bits: Bits, us: number, pidfd: number]) {
      calls.push(args);
      return left.shift() ?? Exchange.None;
    },
    clearGap: () => calls.push('clearGap'),
  };
  const wire = new Wire(
    addon as never,
    (pid) => {
      calls.push(`may ${pid} go on?`);
      return mayGoOn;
    },
    (pid) => calls.push(`${pid} is unreachable`),
  );
  return { wire, calls };
}

const SIGNAL = 77 * 2 + 1;

describe('Wire', () => {
  it('sends with the next look for a signal, in one call', () => {
    const { wire, calls } = given([SIGNAL]);
    wire.send(5, PAIR);
    assert.deepEqual(calls, []);
    assert.equal(wire.next(100, 9), SIGNAL);
    assert.deepEqual(calls, [[5, PAIR, 100, 9]]);
  });

  it('sends nothing twice', () => {
    const { wire, calls } = given([]);
    wire.send(5, 1);
    wire.next(1, -1);
    wire.next(2, -1);
    wire.flush();
    assert.deepEqual(calls, [
      [5, 1, 1, -1],
      [0, 1, 2, -1],
    ]);
  });

  it('flushes what is due, without waiting, before more is sent', () => {
    const { wire, calls } = given([]);
    wire.send(5, 1);
    wire.send(6, 0);
    assert.deepEqual(calls, [[5, 1, -1, -1]]);
    wire.flush();
    assert.deepEqual(calls.slice(1), [[6, 0, -1, -1]]);
  });

  it('asks after a pause whether it may go on, then sends', () => {
    const { wire, calls } = given([Exchange.Gap, SIGNAL]);
    wire.send(5, 1);
    assert.equal(wire.next(10, -1), SIGNAL);
    assert.deepEqual(calls, [[5, 1, 10, -1], 'may 5 go on?', 'clearGap', [5, 1, 10, -1]]);
  });

  it('sends a bit however often this process loses the CPU before', () => {
    const { wire, calls } = given([Exchange.Gap, Exchange.Gap, Exchange.Gap, SIGNAL]);
    wire.send(5, 1);
    assert.equal(wire.next(10, -1), SIGNAL);
    assert.deepEqual(calls.at(-1), [5, 1, 10, -1]);
  });

  it('drops the bits when it may not', () => {
    const { wire, calls } = given([Exchange.Gap], false);
    wire.send(5, 1);
    assert.equal(wire.next(10, -1), Exchange.None);
    wire.flush();
    assert.deepEqual(calls, [[5, 1, 10, -1], 'may 5 go on?']);
  });

  it('tells of a process that cannot be reached, also after a pause', () => {
    for (const results of [[Exchange.Unreachable], [Exchange.Gap, Exchange.Unreachable]]) {
      const { wire, calls } = given(results);
      wire.send(5, 1);
      assert.equal(wire.next(10, -1), Exchange.None);
      assert.equal(calls.at(-1), '5 is unreachable');
    }
  });

  it('passes on that the peer ended', () => {
    assert.equal(given([Exchange.Ended]).wire.next(10, 3), Exchange.Ended);
  });
});
