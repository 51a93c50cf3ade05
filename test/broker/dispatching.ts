import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Dispatcher } from '../../src/broker/dispatcher.ts';
import { Holdings } from '../../src/broker/holdings.ts';
import { Roster } from '../../src/broker/roster.ts';
import { decodeFrame } from '../../src/codec/envelope.ts';
import type { ProcessInfo } from '../../src/registry/process-table.ts';
import { FakeClock } from '../link/fakes.ts';
import { tempDir } from '../registry/children.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeEndpoint, FakeStore } from './fakes.ts';

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
  writeFileSync(
    join(dir, 'consumers.txt'),
    consumers.map(({ pid, wishes = '' }) => `${pid} ${wishes}\n`).join(''),
  );
  const store = new FakeStore();
  const fake = new FakeEndpoint();
  const warnings: string[] = [];
  const errors: unknown[] = [];
  let delivered = 0;
  const onWarning = (sentence: string) => warnings.push(sentence);
  const onError = (error: unknown) => errors.push(error);
  const onChange = () => dispatcher.wake();
  const holdings = new Holdings({
    ...{ store, ackWaitMs: 60_000, onWarning, onError, onChange },
    onSettled: () => {},
  });
  const roster = new Roster({
    dir,
    table: { ...table, read: (pid) => table.read(pid) },
    onWarning,
    onLeft: () => {},
    onEnded: (consumer) => void holdings.lose(consumer),
  });
  await roster.refresh();
  const onDelivered = () => delivered++;
  const { endpoint } = fake;
  const dispatcher = new Dispatcher({
    ...{ store, roster, endpoint, holdings, onWarning, onError, onDelivered },
  });
  t.after(() => dispatcher.stop());
  /** Lets it do all that it can do now. */
  const work = async () => {
    dispatcher.wake();
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
      warnings,
      errors,
      holdings,
      roster,
      dispatcher,
      work,
      sent,
      first,
    },
    delivered: () => delivered,
  };
}

export function opened(frame: Uint8Array) {
  const decoded = decodeFrame(frame.subarray(0, -1));
  assert.ok(decoded.kind === 'envelope');
  return decoded.envelope;
}

const textOf = (frame: Uint8Array) => Buffer.from(opened(frame).body).toString();
