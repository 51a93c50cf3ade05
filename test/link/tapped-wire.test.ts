import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runOf, ZERO } from '../../src/link/run.ts';
import type { WireSignal } from '../../src/link/tap.ts';
import { TappedWire } from '../../src/link/tapped-wire.ts';
import { Exchange } from '../../src/signals/addon.ts';
import { bytes } from '../codec/vectors.ts';
import { peer, SIGNAL, wireTo } from './kernel.ts';

/** A wire to a kernel with these results, and what it tells, as text: `>` sent, `<` received. */
function tapped(results: Parameters<typeof wireTo>[0] = []) {
  const told: string[] = [];
  const { addon, log } = wireTo(results);
  let last = 0;
  const wire = new TappedWire(addon, ({ at, kind, isSent, bit, pid }: WireSignal) => {
    assert.ok(at >= last, 'by time');
    last = at;
    told.push(`${isSent ? '>' : '<'}${kind} ${bit} ${pid}`);
  });
  return { wire, told, log };
}

/** An echo of process 6. */
const echo = (bit: number) => 6 * 2 + bit;

/** On a slow machine it stops in between, to let others have their turn. */
function exchanged(wire: TappedWire): number {
  const event = wire.exchange(100, -1);
  return event === Exchange.More ? exchanged(wire) : event;
}

describe('TappedWire', () => {
  it('sends a run bit by bit, and tells of each and of its echo', () => {
    const echoes = [0, 1, 1, 0, 0, 0, 0, 0].map(echo);
    const { wire, told } = tapped(echoes);
    wire.start(peer(6), runOf(bytes(0b110), 0));
    assert.equal(exchanged(wire), echo(0), 'the last echo is for the caller');
    assert.equal(wire.takeEchoes(), 7);
    assert.equal(wire.takeEchoes(), 0);
    assert.equal(told.length, 16);
    assert.deepEqual(told.slice(0, 4), ['>bit 0 6', '<echo 0 6', '>bit 1 6', '<echo 1 6']);
  });

  it('ends a run with an echo that is wrong, and leaves what follows to the caller', () => {
    const { wire, told } = tapped([echo(1), echo(0)]);
    wire.start(peer(6), runOf(bytes(0), 0));
    assert.equal(exchanged(wire), echo(1));
    assert.equal(exchanged(wire), echo(0), 'late: no echo of anything');
    assert.deepEqual(told, ['>bit 0 6', '<echo 1 6', '<bit 0 6']);
  });

  it('tells of an answer when it is out, and of a bit of another process', () => {
    const { wire, told } = tapped([Exchange.Gap, SIGNAL]);
    wire.answer(peer(5), 1);
    assert.equal(exchanged(wire), Exchange.Gap);
    assert.deepEqual(told, []);
    assert.equal(exchanged(wire), SIGNAL);
    assert.deepEqual(told, ['>echo 1 5', '<bit 1 77']);
  });

  it('tells of nothing that was cancelled, dropped, or could not go out', () => {
    const { wire, told } = tapped([Exchange.Unreachable, Exchange.None]);
    wire.start(peer(6), ZERO);
    assert.equal(wire.exchange(1, -1), Exchange.Unreachable);
    wire.drop();
    wire.start(peer(6), ZERO);
    wire.cancel();
    wire.exchange(1, -1);
    assert.deepEqual(told, []);
  });

  it('shows every bit to its caller', () => {
    const { wire, log } = tapped([SIGNAL]);
    wire.listen();
    assert.equal(wire.exchange(1, -1), SIGNAL);
    assert.deepEqual(log, [[1, -1]]);
  });
});
