import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Bit } from '../../src/codec/signal-codec.ts';
import { AWAIT, FINISHED, type Next } from '../../src/link/frame-sender.ts';
import { ZERO } from '../../src/link/run.ts';
import { Transfer } from '../../src/link/transfer.ts';
import { Descriptor } from '../../src/signals/descriptor.ts';
import { LEASE } from './sending.ts';

const ROUTE = {
  lease: LEASE,
  target: { pid: 5, start: 500 },
  peer: new Descriptor({ pidfd: () => -1, signal: () => 0 }, 5),
};

/** A transfer whose machine asks for these. */
function transferOf(...nexts: Next[]): { transfer: Transfer; taken: Bit[] } {
  const taken: Bit[] = [];
  const onEcho = (echo: Bit) => {
    taken.push(echo);
    return nexts.shift() ?? FINISHED;
  };
  const onEchoes = (count: number) => taken.push(...Array<Bit>(count).fill(0));
  return {
    transfer: new Transfer(ROUTE, { first: ZERO, awaitsAnswer: false, onEcho, onEchoes }, 0),
    taken,
  };
}

describe('Transfer', () => {
  it('counts the echoes that it passes to its machine, and is done when that has finished', async () => {
    const { transfer, taken } = transferOf(ZERO, AWAIT, FINISHED);
    const seen = ([1, 0, 1] as const).map((echo) => [transfer.onEcho(echo), transfer.echoes]);
    assert.deepEqual(seen, [
      [ZERO, 1],
      [AWAIT, 2],
      [FINISHED, 3],
    ]);
    assert.deepEqual(taken, [1, 0, 1]);
    await transfer.done;
  });

  it('counts those that come in the middle of a run, too', () => {
    const { transfer, taken } = transferOf();
    transfer.onEchoes(3);
    assert.deepEqual([transfer.echoes, taken], [3, [0, 0, 0]]);
  });

  it('fails with what it is told', async () => {
    const { transfer } = transferOf();
    transfer.fail(new Error('gone'));
    await assert.rejects(transfer.done, /^Error: gone$/);
  });
});
