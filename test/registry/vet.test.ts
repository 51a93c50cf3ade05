import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { linuxProcessTable, portableProcessTable } from '../../src/registry/process-table.ts';
import { startedAtMs, ticksNow } from '../../src/registry/start-time.ts';
import {
  type Registered,
  type VetFailure,
  vetSentence,
  vetTarget,
} from '../../src/registry/vet.ts';
import { blocker, catcher, gonePid, mixed, start, stranger } from './children.ts';
import { fakeTable, SELF, UID } from './fake-table.ts';

const PID = 5000;

const cases: {
  name: string;
  is?: Partial<ProcessInfo>;
  start?: number;
  result: VetFailure | 'echo' | 'plain';
}[] = [
  { name: 'blocks both', result: 'echo' },
  { name: 'blocks both and is registered', start: 500, result: 'echo' },
  { name: 'is registered without a start time', start: 0, result: 'echo' },
  { name: 'catches both', is: { blocksBoth: false }, result: 'plain' },
  {
    name: 'does neither',
    is: { blocksBoth: false, catchesBoth: false },
    result: 'would-be-killed',
  },
  {
    name: 'is not known to do either',
    is: { blocksBoth: undefined, catchesBoth: undefined },
    result: 'would-be-killed',
  },
  {
    name: 'catches nearly everything',
    is: { blocksBoth: false, catchesAlike: true },
    start: 500,
    result: 'indifferent',
  },
  { name: 'blocks both, whatever it catches', is: { catchesAlike: true }, result: 'echo' },
  { name: 'started at another time', start: 499, result: 'recycled' },
  { name: 'is of another user', is: { uid: UID + 1 }, result: 'not-ours' },
  { name: 'is of root', is: { uid: 0 }, result: 'not-ours' },
  { name: 'is of nobody knows whom', is: { uid: undefined }, result: 'not-ours' },
  { name: 'is a zombie', is: { state: 'Z' }, result: 'not-running' },
  { name: 'is dead', is: { state: 'X' }, result: 'not-running' },
  { name: 'is stopped', is: { state: 'T' }, result: 'echo' },
];

describe('vetTarget', () => {
  for (const { name, is, start, result } of cases) {
    it(`says ${result} of a process that ${name}`, () => {
      const vetted = vetTarget(PID, { start }, fakeTable({ pid: PID, ...is }));
      assert.equal(vetted.ok ? vetted.kind : vetted.why, result);
    });
  }

  for (const pid of [
    0,
    -1,
    -PID,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 31,
    2 ** 32 + PID,
    2 ** 53,
  ]) {
    it(`rejects ${pid} whatever the table says`, () => {
      assert.deepEqual(vetTarget(pid, {}, fakeTable({ pid })), { ok: false, why: 'invalid' });
    });
  }

  it('never lets a PID out of range pass', () => {
    const property = fc.property(fc.oneof(fc.double(), fc.maxSafeInteger()), (pid) => {
      const allowed = Number.isInteger(pid) && pid > 0 && pid < 2 ** 31 && pid !== SELF;
      assert.equal(vetTarget(pid, {}, fakeTable({ pid })).ok, allowed);
    });
    fc.assert(property);
  });

  it('takes a start time for a later process with the PID, and nothing for the first of the system', () => {
    const result = (registered: Registered, is: Partial<ProcessInfo> = {}, pid = PID) => {
      const vetted = vetTarget(pid, registered, fakeTable({ pid, ...is }));
      return vetted.ok ? vetted.kind : vetted.why;
    };
    assert.equal(result({ before: 501 }), 'echo');
    assert.equal(result({ before: 500 }), 'younger', 'the process of which it was written down');
    assert.equal(result({ before: 499 }), 'recycled');
    assert.equal(result({ start: 500, before: 400 }), 'echo', 'the start time is the better word');
    const plain = { blocksBoth: false };
    const writtenMs = Date.now();
    assert.equal(result({}, {}, 1), 'echo', 'it has sent to us itself');
    assert.equal(result({}, plain, 1), 'init');
    assert.equal(result({ writtenMs }, {}, 1), 'init', 'systemd blocks both, as tini does');
    assert.equal(result({ writtenMs, saysPlain: true }, plain, 1), 'init');
    assert.equal(result({ writtenMs, start: 500 }, {}, 1), 'echo');
    assert.equal(result({ writtenMs, start: 500 }, plain, 1), 'init');
    assert.equal(result({ writtenMs, start: 500, saysPlain: true }, plain, 1), 'plain');
    assert.equal(result({ writtenMs, start: 501 }, {}, 1), 'recycled');
  });

  it('compares the start of a process with the time when its PID was written down', () => {
    const now = ticksNow();
    const result = (writtenMs: number) => {
      const vetted = vetTarget(PID, { writtenMs }, fakeTable({ pid: PID, start: now }));
      return vetted.ok ? vetted.kind : vetted.why;
    };
    const started = startedAtMs(now) ?? 0;
    // A whole second may be that of a file system that keeps no more.
    assert.equal(result(started + 0.5), 'echo');
    assert.equal(result(started - 30.5), 'echo', 'the clocks are not that exact');
    assert.equal(result(started - 200.5), 'younger');
    assert.equal(result(Math.floor(started / 1000) * 1000), 'echo');
    assert.equal(result(Math.floor(started / 1000 - 2) * 1000), 'younger');
  });

  it('listens to who says that it is a plain peer', () => {
    const irb = { ...fakeTable({ pid: PID, blocksBoth: false }), hasLineEditor: () => true };
    const bash = fakeTable({ pid: PID, blocksBoth: false, catchesAlike: true });
    const stranger = fakeTable({ pid: PID, blocksBoth: false, catchesBoth: false });
    assert.deepEqual(vetTarget(PID, {}, irb), { ok: false, why: 'interactive' });
    for (const table of [irb, bash]) {
      const vetted = vetTarget(PID, { saysPlain: true }, table);
      assert.equal(vetted.ok && vetted.kind, 'plain');
    }
    const killed = vetTarget(PID, { saysPlain: true }, stranger);
    assert.deepEqual(killed, { ok: false, why: 'would-be-killed' });
  });

  it('wants more of a process that a person names than of one that registered', () => {
    const result = (
      is: Partial<ProcessInfo>,
      registered: Registered = { isNamed: true },
      pid = PID,
    ) => {
      const vetted = vetTarget(pid, registered, fakeTable({ pid, ...is }));
      return vetted.ok ? vetted.kind : vetted.why;
    };
    const plain = { blocksBoth: false };
    assert.equal(result({}), 'echo');
    assert.equal(result(plain), 'plain');
    assert.equal(result({ ...plain, catchesBoth: false }), 'would-be-killed');
    assert.equal(result({ ...plain, catchesAlike: true }), 'indifferent');
    assert.equal(result({ ...plain, catchesOrders: true }), 'service');
    assert.equal(
      result({ ...plain, catchesOrders: true }, {}),
      'plain',
      'it has registered itself',
    );
    assert.equal(result({}, { isNamed: true }, 1), 'init');
    assert.equal(result({}, { isNamed: true, start: 500 }, 1), 'init');
    const blind = { ...fakeTable({ pid: PID, ...plain }), knowsSignals: false };
    assert.deepEqual(vetTarget(PID, { isNamed: true }, blind), { ok: false, why: 'unknown' });
  });

  it('rejects this process', () => {
    assert.deepEqual(vetTarget(SELF, {}, fakeTable()), { ok: false, why: 'self' });
    assert.deepEqual(vetTarget(process.pid, {}, linuxProcessTable), { ok: false, why: 'self' });
  });

  it('does not ask for more than a table without /proc can know', () => {
    const unknown = {
      state: '?',
      start: 0,
      blocksBoth: undefined,
      catchesBoth: undefined,
      pending: undefined,
      threadPending: undefined,
    };
    const table = { ...fakeTable({ pid: PID, ...unknown }), knowsSignals: false };
    const vetted = vetTarget(PID, { start: 500 }, table);
    assert.equal(vetted.ok && vetted.kind, 'plain');
  });

  it('tells real processes apart', async (t) => {
    const result = (pid: number, start?: number) => {
      const vetted = vetTarget(pid, { start }, linuxProcessTable);
      return vetted.ok ? vetted.kind : vetted.why;
    };
    assert.equal(result((await blocker(t)).pid), 'echo');
    assert.equal(result((await catcher(t)).pid), 'plain');
    assert.equal(result((await mixed(t)).pid), 'plain');
    assert.equal(result((await mixed(t)).pid, 1), 'recycled');
    assert.equal(result(stranger(t).pid), 'would-be-killed');
    assert.equal(result(await gonePid(t)), 'not-running');
  });

  it('does not take what root may signal for ours', {
    skip: process.getuid?.() !== 0 && 'needs root',
  }, (t) => {
    const child = start(t, 'python3', [
      '-c',
      'import os, signal; os.setuid(65534); print("ready", flush=True); signal.pause()',
    ]);
    return child.line().then(() => {
      assert.deepEqual(vetTarget(child.pid, {}, linuxProcessTable), { ok: false, why: 'not-ours' });
    });
  });

  it('takes what may be signalled for ours without /proc', (t) => {
    const vetted = vetTarget(stranger(t).pid, {}, portableProcessTable);
    assert.equal(vetted.ok && vetted.kind, 'plain');
  });
});

describe('vetSentence', () => {
  const all: VetFailure[] = [
    'invalid',
    'self',
    'not-running',
    'not-ours',
    'recycled',
    'younger',
    'init',
    'would-be-killed',
    'indifferent',
    'interactive',
  ];
  it('has one sentence of its own for each reason', () => {
    const sentences = all.map((why) => vetSentence(PID, why));
    assert.equal(new Set(sentences).size, all.length);
    for (const sentence of sentences) assert.match(sentence, /^[A-Z0-9].*5000.*\.$|^5000.*\.$/);
  });
});
