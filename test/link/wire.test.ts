import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runOf, ZERO } from '../../src/link/run.ts';
import { Exchange } from '../../src/signals/addon.ts';
import { BLOCK_BYTES, Field } from '../../src/signals/memory.ts';
import { bytes } from '../codec/vectors.ts';
import { peer, SIGNAL, wireTo } from './kernel.ts';

const H = runOf(bytes(0x68, 0), 0);

describe('Wire', () => {
  it('sends with the next look for a signal, in one call', () => {
    const { wire, log } = wireTo([SIGNAL]);
    wire.answer(peer(5), 1);
    wire.start(peer(6), H);
    assert.deepEqual(log, []);
    assert.equal(wire.exchange(100, 9), SIGNAL);
    assert.deepEqual(log, [[100, 9, ['answer', 5, 50, 1], ['run', 6, 16, [0x68, 0]]]]);
  });

  it('sends nothing twice', () => {
    const { wire, log } = wireTo();
    wire.answer(peer(5), 1);
    assert.equal(wire.answers, true);
    wire.exchange(1, -1);
    assert.equal(wire.answers, false);
    wire.exchange(2, -1);
    assert.deepEqual(log, [
      [1, -1, ['answer', 5, 50, 1]],
      [2, -1],
    ]);
  });

  it('sends no more of a run that is cancelled, or replaced', () => {
    const { wire, log } = wireTo();
    wire.start(peer(6), H);
    wire.cancel();
    wire.exchange(1, -1);
    wire.start(peer(6), H);
    wire.start(peer(7), ZERO);
    wire.exchange(1, -1);
    assert.deepEqual(log, [
      [1, -1],
      [1, -1, ['run', 7, 1, [0]]],
    ]);
  });

  it('drops what did not go out: the answer, or else the run', () => {
    const { wire, log } = wireTo([Exchange.Gap, Exchange.Gap]);
    wire.answer(peer(5), 1);
    wire.start(peer(6), ZERO);
    for (const pid of [5, 6]) {
      assert.equal(wire.exchange(10, -1), Exchange.Gap);
      assert.equal(wire.dueTo, pid);
      wire.drop();
    }
    wire.exchange(10, -1);
    assert.deepEqual(log, [
      [10, -1, ['answer', 5, 50, 1], ['run', 6, 1, [0]]],
      [10, -1, ['run', 6, 1, [0]]],
      [10, -1],
    ]);
  });

  it('tells of each echo of a run once', () => {
    const { wire } = wireTo([
      [Exchange.More, { RunSent: 3, RunEchoed: 3 }],
      [Exchange.More, { RunEchoed: 7 }],
      SIGNAL,
    ]);
    const next = () => {
      wire.exchange(10, -1);
      return wire.takeEchoes();
    };
    wire.start(peer(5), H);
    assert.deepEqual([next(), wire.takeEchoes(), next(), next()], [3, 0, 4, 0]);
    wire.start(peer(5), H);
    assert.equal(next(), 0);
  });

  it('has the bits of one peer echoed, as far as its receiver has room, and passes them on once', () => {
    const { wire, fields } = wireTo([
      [Exchange.More, { EchoBytes: 2, EchoByte: 1, EchoBits: 3 }, bytes(0x68, 0x69)],
      Exchange.None,
      [SIGNAL, { EchoByte: 0, EchoBits: 7 }],
      [SIGNAL, { EchoBytes: 1, EchoByte: 0, EchoBits: 6 }],
    ]);
    wire.listen(peer(8), { room: 1000, partial: { byte: 2, bits: 3 } });
    const setUp = [Field.EchoPid, Field.EchoFd, Field.EchoRoom, Field.EchoByte, Field.EchoBits];
    assert.deepEqual(
      setUp.map((field) => fields[field]),
      [8, 80, BLOCK_BYTES, 2, 3],
    );
    const absorbed: unknown[] = [];
    const receiver = {
      absorb: (echoed: Uint8Array, partial: number, bits: number) =>
        absorbed.push([[...echoed], partial, bits]),
    };
    const taken = [receiver, receiver, receiver, undefined, undefined].map((each) => {
      wire.exchange(1, -1);
      return wire.takeEchoed(each);
    });
    assert.deepEqual(taken, [16, 0, 4, 7, 0]);
    assert.deepEqual(absorbed, [
      [[0x68, 0x69], 1, 3],
      [[], 0, 7],
    ]);
    wire.listen(peer(8), { room: 5, partial: { byte: 0, bits: 0 } });
    assert.equal(fields[Field.EchoRoom], 5);
    wire.ignore();
    assert.equal(fields[Field.EchoRoom], 0);
  });
});
