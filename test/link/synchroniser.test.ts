import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reason } from '../../src/codec/reason.ts';
import type { Bit } from '../../src/codec/signal-codec.ts';
import { FINISHED, type Next } from '../../src/link/frame-sender.ts';
import { ZERO } from '../../src/link/run.ts';
import { Synchroniser } from '../../src/link/synchroniser.ts';

/** The echoes of so many zero bits, the last of which is refused, and of a reason. */
function refusalAt(zeros: number, reason: number): Bit[] {
  const code = [0, 1, 2, 3].map((n) => ((reason >> n) & 1) as Bit);
  return [...Array<Bit>(zeros - 1).fill(0), 1, ...code];
}

function run(echoes: readonly Bit[]): { nexts: Next[]; inStep: boolean } {
  const synchroniser = new Synchroniser();
  assert.equal(synchroniser.first, ZERO);
  const nexts = echoes.map((echo) => {
    assert.equal(synchroniser.inStep, false);
    return synchroniser.onEcho(echo);
  });
  return { nexts, inStep: synchroniser.inStep };
}

describe('Synchroniser', () => {
  for (let zeros = 1; zeros <= 24; zeros++) {
    const inStep = zeros === 8;
    it(`is ${inStep ? 'in step' : 'not in step'} with who refuses bit ${zeros} as empty`, () => {
      const result = run(refusalAt(zeros, Reason.Empty));
      assert.deepEqual(result, { nexts: [...Array(zeros + 3).fill(ZERO), FINISHED], inStep });
    });
  }

  it('is not in step with who refuses the eighth bit for another reason', () => {
    for (let code = 0; code < 16; code++) {
      assert.equal(run(refusalAt(8, code)).inStep, code === Reason.Empty, `code ${code}`);
    }
  });

  it('gives a round up when nothing is refused', () => {
    const { nexts, inStep } = run(Array<Bit>(25).fill(0));
    assert.deepEqual(nexts, [...Array(24).fill(ZERO), FINISHED]);
    assert.equal(inStep, false);
  });
});
