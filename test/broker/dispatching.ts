import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Dispatcher } from '../../src/broker/dispatcher.ts';
import { InFlight } from '../../src/broker/in-flight.ts';
import { Roster } from '../../src/broker/roster.ts';
import { decodeFrame } from '../../src/codec/envelope.ts';
import type { ProcessInfo } from '../../src/registry/process-info.ts';
import { FakeClock } from '../link/fakes.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeEndpoint, FakeJournal, FakeStore } from './fakes.ts';

type Process = Partial<ProcessInfo> & { pid: number };

export const plain = { blocksBoth: false };

/** Echo peers unless they are said to be something else, all of them consumers in this order. */
export async function given(t: TestContext, ...consumers: (Process & { wishes?: string })[]) {
  const clock = new FakeClock(t);
  const dir = tempDir(t);
  let table = fakeTable(...consumers);
  const run = (...processes: Process[]) => {
    table = fakeTable(...processes);
  };
  const file = join(dir, 'consumers.txt');
  const unregister = () => writeFileSync(file, '');
  writeFileSync(file, consumers.map(({ pid, wishes = '' }) => `${pid} ${wishes}\n`).join(''));
  const store = new FakeStore();
  const fake = new FakeEndpoint();
  const journal = new FakeJournal();
  const inFlight = new InFlight({ store, ackWaitMs: 60_000, journal });
  const roster = new Roster({
    dir,
    table: { ...table, read: (pid) => table.read(pid) },
    journal,
  });
  /** As RosterWatch does it, which would watch real processes. */
  const refresh = () => {
    for (const consumer of roster.look().ended) void inFlight.lose(consumer);
    void roster.tidy();
  };
  refresh();
  const rosterWatch = { refresh };
  const { endpoint } = fake;
  const dispatcher = new Dispatcher({ store, roster, rosterWatch, endpoint, inFlight, journal });
  dispatcher.start();
  t.after(() => dispatcher.stop());
  /** Lets it do all that it can do now. */
  const work = async () => {
    journal.wake();
    for (let n = 0; n < 50; n++) await turn();
  };
  /** `pid:body` of all deliveries, in order. */
  const sent = () => fake.sent.map(({ pid, frame }) => `${pid}:${textOf(frame)}`);
  const first = () => roster.all[0] ?? assert.fail('there is no consumer');
  return {
    ...{
      clock,
      run,
      store,
      fake,
      journal,
      inFlight,
      roster,
      rosterWatch,
      refresh,
      unregister,
      dispatcher,
    },
    ...{ work, sent, first },
    warnings: () => journal.warnings,
    errors: () => journal.errors,
    delivered: () => journal.deliveries,
  };
}

export function opened(frame: Uint8Array) {
  const decoded = decodeFrame(frame.subarray(0, -1));
  assert.ok(decoded.kind === 'envelope');
  return decoded.envelope;
}

const textOf = (frame: Uint8Array) => Buffer.from(opened(frame).body).toString();
