import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OutOfStep } from '../../src/link/out-of-step.ts';
import { fakeTable } from '../registry/fake-table.ts';

const PEER = { pid: 4242, start: 500 };

describe('OutOfStep', () => {
  it('is of the process: another copy of this code knows what this one has cut', async () => {
    const url = new URL('../../src/link/out-of-step.js?another', import.meta.url).href;
    const copy = (await import(url)) as { OutOfStep: typeof OutOfStep };
    assert.notEqual(copy.OutOfStep, OutOfStep);
    const bus = { holder: 0, isOurs: false, mayBeOurs: false };
    const [ours, others] = [OutOfStep, copy.OutOfStep].map(
      (kind) => new kind(fakeTable({ pid: PEER.pid }), bus),
    );
    ours?.add(PEER);
    assert.equal(others?.has(PEER), true);
    others?.delete(PEER);
    assert.equal(ours?.has(PEER), false);
  });
});
