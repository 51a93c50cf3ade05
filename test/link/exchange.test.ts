/** The `exchange` of FakeAddon and the one in C, held against one table. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, it } from 'node:test';
import type { Bit } from '../../src/codec/signal-codec.ts';
import { type Addon, Exchange, loadAddon } from '../../src/signals/addon.ts';
import { blockInEveryThread } from '../../src/signals/block-threads.ts';
import { Descriptor } from '../../src/signals/descriptor.ts';
import { Field, Memory } from '../../src/signals/memory.ts';
import { type ExchangeCase, exchangeCases, FD, Who } from './exchange-cases.ts';
import { FakeAddon } from './fakes.ts';

type Subject = Pick<Addon, 'memory' | 'exchange' | 'clearGap'>;
const names = Object.keys(Field) as (keyof typeof Field)[];

/** A place where the cases take place: who is who there, and how signals and pauses come about. */
interface Scene {
  readonly addon: Subject;
  /** What stands for {@link Who} and {@link FD}. */
  readonly ids: ReadonlyMap<number, number>;
  /** @returns who it is of, there */
  pend(who: number, bit: Bit): number;
  pause(): void;
}

/** What a case leaves. */
function outcomeOf({ addon, ids, pend, pause }: Scene, given: ExchangeCase): unknown {
  const { fields, run, echo } = new Memory(addon.memory);
  const known = new Map(ids);
  const idOf = (id: number) => known.get(id) ?? id;
  fields.fill(0);
  fields[Field.Answer] = -1;
  echo.fill(0);
  run.set(given.run ?? run.map(() => 0xff));
  for (const [name, value] of Object.entries(given.fields)) {
    fields[Field[name as keyof typeof Field]] = idOf(value);
  }
  if (given.pending) known.set(given.pending[0], pend(...given.pending));
  const before = [...fields];
  if (given.isAfterPause) pause();
  const result = exchange(addon, given.us ?? 1000, given.isAfterPause);
  const shown = result > 0 ? whoOf(known, result >> 1) * 2 + (result & 1) : result;
  const changed = names.filter((name) => fields[Field[name]] !== before[Field[name]]);
  const outcome = {
    result: shown,
    changed: Object.fromEntries(changed.map((name) => [name, fields[Field[name]]])),
    echoed: [...echo.subarray(0, fields[Field.EchoBytes])],
    left: [] as number[],
  };
  fields.fill(0);
  fields[Field.Answer] = -1;
  for (let event = exchange(addon, 0); event > 0; event = exchange(addon, 0)) {
    assert.equal(whoOf(known, event >> 1), Who.Echoer);
    outcome.left.push(event & 1);
  }
  return outcome;
}

/** However often another process has our CPU meanwhile, unless the case is about that. */
function exchange(addon: Subject, us: number, isAfterPause = false): number {
  for (;;) {
    if (!isAfterPause) addon.clearGap();
    const result = addon.exchange(us, -1);
    if (result !== Exchange.More && (isAfterPause || result !== Exchange.Gap)) return result;
  }
}

function whoOf(ids: ReadonlyMap<number, number>, pid: number): number {
  return [...ids].find(([, id]) => id === pid)?.[0] ?? pid;
}

function runAll(sceneOf: () => Scene): void {
  for (const given of exchangeCases) {
    it(given.name, () => {
      const { result = Exchange.None, changed = {}, echoed = [], left = [] } = given;
      assert.deepEqual(outcomeOf(sceneOf(), given), { result, changed, echoed, left });
    });
  }
}

describe('the exchange of FakeAddon', () => {
  runAll(() => {
    const addon = new FakeAddon();
    addon.peers.set(Who.Echoer, (bit) => bit);
    const pend = (who: number, bit: Bit) => {
      addon.events.push(who * 2 + bit);
      return who;
    };
    return { addon, ids: new Map(), pend, pause: () => (addon.gap = true) };
  });
});

const { addon: loaded, why } = loadAddon();

describe('the exchange in C', { skip: why ?? false }, () => {
  const addon = loaded as Addon;
  const self = process.pid;
  // Who sends himself bits has them come back, each as its own echo.
  blockInEveryThread(addon);
  const ourselves = new Descriptor(addon, self);
  after(() => ourselves.close());
  const { pid: gone } = spawnSync('true');
  const ids = new Map<number, number>([
    [Who.Echoer, self],
    [Who.Gone, gone],
    [FD, ourselves.fd],
  ]);
  const pend = (who: number, bit: Bit) => {
    if (who === Who.Echoer) {
      ourselves.kill(bit);
      return self;
    }
    const { stdout } = spawnSync('sh', ['-c', `kill -USR${bit + 1} $PPID; echo $$`]);
    return Number(stdout);
  };
  const pause = () => {
    const since = addon.monotonic();
    while (addon.monotonic() - since < 3);
  };
  runAll(() => ({ addon, ids, pend, pause }));
});
