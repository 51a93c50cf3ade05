import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runOf, ZERO } from '../../src/link/run.ts';
import { Wire } from '../../src/link/wire.ts';
import { Exchange } from '../../src/signals/addon.ts';
import { Descriptor } from '../../src/signals/descriptor.ts';
import { BLOCK_BYTES, Field, Memory } from '../../src/signals/memory.ts';
import { bytes } from '../codec/vectors.ts';

type Fields = Partial<Record<keyof typeof Field, number>>;

/** A wire to a kernel that gives these results and leaves these fields, and what happened. */
function given(results: readonly (number | [number, Fields, Uint8Array?])[] = [], mayGoOn = true) {
  const left = [...results];
  const log: unknown[] = [];
  const memory = new ArrayBuffer(Memory.bytes);
  const { fields, run, echo } = new Memory(memory);
  fields[Field.Answer] = -1;
  const addon = {
    memory,
    exchange(us: number, pidfd: number) {
      const due: unknown[] = [];
      const answer = fields[Field.Answer] as number;
      if (answer >= 0)
        due.push(['answer', fields[Field.AnswerPid], fields[Field.AnswerFd], answer]);
      const bits = fields[Field.RunBits] as number;
      if (bits > 0 && fields[Field.RunSent] === 0) {
        due.push(['run', fields[Field.RunPid], bits, [...run.subarray(0, Math.ceil(bits / 8))]]);
      }
      log.push([us, pidfd, ...due]);
      const next = left.shift() ?? Exchange.None;
      const [result, changed, echoed] = typeof next === 'number' ? [next, {}] : next;
      // What was due has gone out, unless it says else.
      if (result > Exchange.Gap) {
        fields[Field.Answer] = -1;
        if (bits > 0) fields[Field.RunSent] = 1;
      }
      for (const [name, value] of Object.entries(changed))
        fields[Field[name as keyof Fields]] = value;
      if (echoed) echo.set(echoed);
      return result;
    },
    clearGap: () => log.push('clearGap'),
  };
  const wire = new Wire(addon as never, {
    mayGoOn: (pid) => {
      log.push(`may ${pid} go on?`);
      return mayGoOn;
    },
    onUnreachable: (pid) => log.push(`${pid} is unreachable`),
    onEchoes: (_run, from, to) => log.push(`echoes ${from}-${to}`),
    onEchoed: (echoed, partial, bits) => log.push(['echoed', [...echoed], partial, bits]),
  });
  return { wire, log, fields };
}

/** A peer whose descriptor is ten times its PID. */
const peer = (pid: number) => new Descriptor({ pidfd: () => pid * 10, signal: () => 0 }, pid);
const SIGNAL = 77 * 2 + 1;
const H = runOf(bytes(0x68, 0), 0);

describe('Wire', () => {
  it('sends with the next look for a signal, in one call', () => {
    const { wire, log } = given([SIGNAL]);
    wire.answer(peer(5), 1);
    wire.send(peer(6), H);
    assert.deepEqual(log, []);
    assert.equal(wire.next(100, 9), SIGNAL);
    assert.deepEqual(log, [[100, 9, ['answer', 5, 50, 1], ['run', 6, 16, [0x68, 0]]]]);
  });

  it('sends nothing twice', () => {
    const { wire, log } = given();
    wire.answer(peer(5), 1);
    wire.next(1, -1);
    wire.next(2, -1);
    assert.deepEqual(log, [
      [1, -1, ['answer', 5, 50, 1]],
      [2, -1],
    ]);
  });

  it('flushes the answer that is due, without waiting, before there is another', () => {
    const { wire, log } = given();
    wire.answer(peer(5), 1);
    wire.answer(peer(6), 0);
    assert.deepEqual(log, [[-1, -1, ['answer', 5, 50, 1]]]);
    wire.flush();
    assert.deepEqual(log.slice(1), [[-1, -1, ['answer', 6, 60, 0]]]);
  });

  it('sends no more of a run that is cancelled, or replaced', () => {
    const { wire, log } = given();
    wire.send(peer(6), H);
    wire.cancel();
    wire.next(1, -1);
    wire.send(peer(6), H);
    wire.send(peer(7), ZERO);
    wire.next(1, -1);
    assert.deepEqual(log, [
      [1, -1],
      [1, -1, ['run', 7, 1, [0]]],
    ]);
  });

  it('asks after a pause whether it may go on, then sends, however often that happens', () => {
    for (let pauses = 1; pauses <= 3; pauses++) {
      const { wire, log } = given([...Array(pauses).fill(Exchange.Gap), SIGNAL]);
      wire.send(peer(5), ZERO);
      assert.equal(wire.next(10, -1), SIGNAL);
      const call = [10, -1, ['run', 5, 1, [0]]];
      const pause = [call, 'may 5 go on?', 'clearGap'];
      assert.deepEqual(log, [...Array(pauses).fill(pause).flat(), call]);
    }
  });

  it('drops the bits when it may not: the answer, or else the run', () => {
    const { wire, log } = given([Exchange.Gap, Exchange.Gap], false);
    wire.answer(peer(5), 1);
    wire.send(peer(6), ZERO);
    assert.equal(wire.next(10, -1), Exchange.None);
    assert.equal(wire.next(10, -1), Exchange.None);
    wire.flush();
    assert.deepEqual(log, [
      [10, -1, ['answer', 5, 50, 1], ['run', 6, 1, [0]]],
      'may 5 go on?',
      [10, -1, ['run', 6, 1, [0]]],
      'may 6 go on?',
      [-1, -1],
    ]);
  });

  it('tells of a process that cannot be reached, also after a pause', () => {
    for (const results of [[Exchange.Unreachable], [Exchange.Gap, Exchange.Unreachable]]) {
      const { wire, log } = given(results);
      wire.answer(peer(5), 1);
      assert.equal(wire.next(10, -1), Exchange.None);
      assert.equal(log.at(-1), '5 is unreachable');
    }
  });

  it('passes on that the peer ended, and that the event loop is due', () => {
    assert.equal(given([Exchange.Ended]).wire.next(10, 3), Exchange.Ended);
    assert.equal(given([Exchange.More]).wire.next(10, 3), Exchange.More);
  });

  it('reports each echo of a run once, and before it asks anything', () => {
    const { wire, log } = given([
      [Exchange.Gap, { RunSent: 3, RunEchoed: 3 }],
      [Exchange.More, { RunEchoed: 7 }],
      SIGNAL,
    ]);
    wire.send(peer(5), H);
    assert.equal(wire.next(10, -1), Exchange.More);
    assert.equal(wire.next(10, -1), SIGNAL);
    assert.deepEqual(
      log.filter((entry) => typeof entry === 'string'),
      ['echoes 0-3', 'may 5 go on?', 'clearGap', 'echoes 3-7'],
    );
    wire.send(peer(5), H);
    wire.next(10, -1);
    assert.equal(log.filter((entry) => String(entry).startsWith('echoes')).length, 2);
  });

  it('has the bits of one peer echoed, as far as its receiver has room, and reports them once', () => {
    const { wire, log, fields } = given([
      [Exchange.More, { EchoBytes: 2, EchoByte: 1, EchoBits: 3 }, bytes(0x68, 0x69)],
      Exchange.None,
      [SIGNAL, { EchoByte: 0, EchoBits: 7 }],
    ]);
    wire.listen(peer(8), { room: 1000, partial: { byte: 2, bits: 3 } });
    const setUp = [Field.EchoPid, Field.EchoFd, Field.EchoRoom, Field.EchoByte, Field.EchoBits];
    assert.deepEqual(
      setUp.map((field) => fields[field]),
      [8, 80, BLOCK_BYTES, 2, 3],
    );
    for (let n = 0; n < 3; n++) wire.next(1, -1);
    assert.deepEqual(
      log.filter((entry) => (entry as unknown[])[0] === 'echoed'),
      [
        ['echoed', [0x68, 0x69], 1, 3],
        ['echoed', [], 0, 7],
      ],
    );
    wire.listen(peer(8), { room: 5, partial: { byte: 0, bits: 0 } });
    assert.equal(fields[Field.EchoRoom], 5);
    wire.ignore();
    assert.equal(fields[Field.EchoRoom], 0);
  });
});
