import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Bit } from '../../src/codec/signal-codec.ts';
import { type PacedOptions, sendPaced } from '../../src/link/paced-sender.ts';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { bytes } from '../codec/vectors.ts';
import { fakeTable, UID } from '../registry/fake-table.ts';

const PID = 70;
const H = bytes(0x68, 0);
const H_BITS = '0001011000000000';

/** A plain peer, of which /proc says something else after so many looks; it starts as one that waits. */
function given(...later: [looks: number, info: Partial<ProcessInfo> | undefined][]) {
  const plain = { blocksBoth: false };
  const changes = new Map(later);
  let info: Partial<ProcessInfo> | undefined = plain;
  const bitsAtLook: number[] = [];
  const sent: string[] = [];
  const table = {
    ...fakeTable(),
    read: (pid: number) => {
      const looks = bitsAtLook.push(sent.length);
      if (changes.has(looks)) {
        const change = changes.get(looks);
        info = change && { ...plain, ...change };
      }
      return info && fakeTable({ pid, ...info }).read(pid);
    },
  };
  const kill = (bit: Bit): void => {
    sent.push(String(bit));
  };
  const send = (options?: PacedOptions, by = kill) =>
    sendPaced({ pid: PID, start: 500, saysPlain: false }, H, table, options, by);
  return { send, bits: () => sent.join(''), bitsAtLook };
}

/** A second for each look at the clock: what takes its time is over at once. */
function hurry(t: TestContext): void {
  t.mock.method(process, 'hrtime', ((s) => () => [s++, 0])(1));
}

describe('sendPaced', () => {
  it('sends bit by bit, and tells how far it is', async () => {
    const { send, bits } = given();
    const progress: number[][] = [];
    await send({ onProgress: (...args) => progress.push(args) });
    assert.equal(bits(), H_BITS);
    assert.deepEqual([progress.length, progress[0], progress.at(-1)], [16, [1, 16], [16, 16]]);
  });

  for (const [name, info] of [
    ['has ended', undefined],
    ['is another one', { start: 501 }],
    ['is of somebody else', { uid: UID + 1 }],
    ['would be killed', { catchesBoth: false }],
    ['catches nearly everything', { catchesAlike: true }],
  ] as const) {
    it(`sends nothing to a process that ${name}`, async () => {
      const { send, bits } = given([1, info]);
      await assert.rejects(send(), { code: 'unsafe-target' });
      assert.equal(bits(), '');
    });
  }

  for (const [name, info] of [
    ['ends', undefined],
    ['is a zombie', { state: 'Z' }],
    ['gives its PID to another', { start: 501 }],
  ] as const) {
    it(`stops when the peer ${name}`, async () => {
      const { send, bits } = given([4, info]);
      await assert.rejects(send(), { code: 'peer-gone' });
      assert.equal(bits(), H_BITS.slice(0, 2));
    });
  }

  it('stops when kill(2) finds nobody', async () => {
    const { send } = given();
    const nobody = () => {
      throw Object.assign(new Error(), { code: 'ESRCH' });
    };
    await assert.rejects(send({}, nobody), { code: 'peer-gone' });
  });

  for (const [name, info] of [
    ['has not taken the bit before', { pending: true }],
    ['is stopped', { state: 'T' }],
    ['is traced and stopped', { state: 't' }],
    ['is running', { state: 'R' }],
  ] as const) {
    it(`sends no bit, also not the first, while the peer ${name}`, async (t) => {
      t.mock.method(process, 'hrtime', () => [1, 0]);
      const { send, bits, bitsAtLook } = given([2, info], [10, {}]);
      await send();
      assert.deepEqual(bitsAtLook.slice(1, 12), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
      assert.equal(bits(), H_BITS);
    });
  }

  it('waits for a peer that is stopped, and says so once', async (t) => {
    hurry(t);
    const { send, bits, bitsAtLook } = given([2, { state: 'T' }], [20, {}]);
    let reports = 0;
    await send({ onStalled: () => reports++ });
    assert.deepEqual([reports, bits()], [1, H_BITS]);
    assert.equal(bitsAtLook[18], 0); // the look before it went on
  });

  it('does not wait long for one that is merely busy', async (t) => {
    hurry(t);
    const { send, bits } = given([2, { state: 'R' }]);
    await send({ onStalled: () => assert.fail('it is not stalled') });
    assert.equal(bits(), H_BITS);
  });

  it('tells once that one is stalled, however often it is', async (t) => {
    hurry(t);
    const stall = { pending: true };
    const { send, bits } = given([2, stall], [5, {}], [7, stall], [10, {}]);
    let stalls = 0;
    await send({ onStalled: () => stalls++ });
    assert.deepEqual([bits(), stalls], [H_BITS, 1]);
  });

  it('gives up when onStalled throws', async (t) => {
    hurry(t);
    const { send, bits } = given([3, { pending: true }]);
    const onStalled = () => {
      throw new Error('enough');
    };
    await assert.rejects(send({ onStalled }), /enough/);
    assert.equal(bits(), '0');
  });

  it('ends when it is aborted, before a bit and between two', async () => {
    const early = given();
    await assert.rejects(early.send({ signal: AbortSignal.abort(new Error('early')) }), /early/);
    assert.equal(early.bits(), '');
    const late = given([3, { state: 'T' }]);
    const abort = new AbortController();
    const onProgress = () => abort.abort(new Error('late'));
    const sending = late.send({ signal: abort.signal, onProgress });
    await assert.rejects(sending, /late/);
    assert.equal(late.bits(), '0');
  });
});
