import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { availableParallelism, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clockMs } from '../clock.ts';
import { Exit, limitOf, SigmqError } from '../errors.ts';
import { inspectBroker } from '../registry/broker-file.ts';
import { readConsumers } from '../registry/consumers-file.ts';
import { isStopped, type ProcessTable } from '../registry/process-info.ts';
import { processTable } from '../registry/process-table.ts';
import { openRuntimeDir, resolveRuntimeDir } from '../registry/runtime-dir.ts';
import { loadAddon } from '../signals/addon.ts';
import type { AdminFlags } from './admin-flags.ts';
import { brokerStore } from './broker-store.ts';
import { useColours } from './colours.ts';
import { dataFolder } from './data-folder.ts';
import { onGroups } from './doctor-groups.ts';
import { signalTroubles, watchTrouble } from './doctor-limits.ts';
import { onBroker, onConsumers } from './doctor-registry.ts';
import { lookAtStore, type RunningBroker, type StoreFinding } from './doctor-store.ts';
import { Findings } from './findings.ts';
import { report } from './report.ts';

/** A flush slower than this is what limits `send`; ms. */
const SLOW_FLUSH_MS = 5;
const FLUSHES = 15;

/** `sigmq doctor`. @returns the exit code: 1 if something is wrong */
export async function doctor(flags: AdminFlags): Promise<number> {
  useColours(flags);
  const findings = new Findings();
  const table = processTable();
  try {
    onSystem(findings, table);
    onAddon(findings);
    const dir = onDirectory(findings, flags);
    const mayAsk = dir !== undefined && mayAnswer(dir, table);
    if (dir !== undefined) {
      onBroker(findings, dir, table, flags);
      await onConsumers(findings, dir, table, flags);
      if (mayAsk) await onGroups(findings, dir);
      onLimits(findings, dir, table);
    }
    for (const { mark, text } of await storeFindings(findings, flags, dir, mayAsk))
      findings.say(mark, text);
    return findings.bad > 0 ? Exit.Unexpected : Exit.Ok;
  } catch (error) {
    return report(error);
  }
}

function onSystem(findings: Findings, table: ProcessTable): void {
  const cpus = availableParallelism();
  const system = `${process.platform} ${release()}, Node ${process.version}`;
  findings.say('ok', `${system}, ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}`);
  if (cpus === 1) {
    findings.say(
      'note',
      'One CPU: sender and receiver take turns; with two, a bit is 2-3 times faster.',
    );
  }
  if (!table.knowsSignals) {
    findings.say(
      'bad',
      'There is no /proc: sigmq cannot know whether a signal would kill a process.',
    );
  }
}

function onAddon(findings: Findings): void {
  const { addon, why } = loadAddon();
  if (addon) findings.say('ok', 'The addon is loaded: bits are echoed and verified.');
  else {
    findings.say(
      'bad',
      `No addon (${why}): sigmq runs as a plain peer, slow and unconfirmed. Install a C compiler and run \`npm rebuild sigmq\`, or unset SIGMQ_PLAIN.`,
    );
  }
}

function onDirectory(findings: Findings, { dir }: AdminFlags): string | undefined {
  const { path } = resolveRuntimeDir({ dir, env: process.env });
  if (!existsSync(path)) {
    findings.say(
      'note',
      `The runtime directory ${path} does not exist yet; the first broker makes it.`,
    );
    return undefined;
  }
  try {
    openRuntimeDir({ dir, env: process.env, create: false });
    findings.say('ok', `The runtime directory is ${path}.`);
    return path;
  } catch (error) {
    if (!(error instanceof SigmqError)) throw error;
    findings.say('bad', `${error.message} ${error.hint}`);
    return undefined;
  }
}

/** Whether a broker is running, and nothing that the doctor reports keeps it from answering: it would be waited for. */
function mayAnswer(dir: string, table: ProcessTable): boolean {
  const broker = inspectBroker(dir, table);
  if (!broker.ok || broker.kind !== 'echo' || !loadAddon().addon) return false;
  const info = table.read(broker.pid);
  return info !== undefined && !isStopped(info) && signalTroubles([broker.pid]).length === 0;
}

function runningBroker(dir: string | undefined): RunningBroker | undefined {
  const store = dir === undefined ? undefined : brokerStore(dir);
  return store && { pid: store.pid, path: store.kind === 'sqlite' ? store.path : undefined };
}

async function storeFindings(
  findings: Findings,
  flags: AdminFlags,
  dir: string | undefined,
  mayAsk: boolean,
): Promise<StoreFinding[]> {
  const broker = runningBroker(dir);
  if (broker ? broker.path === undefined : process.env.SIGMQ_STORE) {
    if (broker && !mayAsk) return []; // why it cannot answer has been said
    const { lookAtEngine } = await import('./doctor-engine.ts');
    return lookAtEngine(dir, broker ? undefined : process.env.SIGMQ_STORE);
  }
  const folder = dataFolder(flags);
  onDisk(findings, folder);
  return lookAtStore(folder, broker);
}

function onLimits(findings: Findings, dir: string, table: ProcessTable): void {
  const broker = inspectBroker(dir, table);
  const consumers = readConsumers(dir).flatMap(({ pid }) => pid ?? []);
  const troubles = signalTroubles([...(broker.ok ? [broker.pid] : []), ...consumers]);
  for (const trouble of troubles) findings.say('bad', trouble);
  const watching = watchTrouble(dir);
  if (watching !== undefined) findings.say('note', watching);
}

function onDisk(findings: Findings, folder: string): void {
  let ms: number;
  try {
    ms = flushMs(folder);
  } catch (error) {
    const { hint } = limitOf(error) ?? {};
    const what = `Nothing can be written where messages are kept: ${folder}.`;
    findings.say('bad', hint === undefined ? what : `${what} ${hint}`);
    return;
  }
  const text = `A flush to the disk takes ${ms.toFixed(2)} ms where messages are kept (${folder}).`;
  if (ms < SLOW_FLUSH_MS) findings.say('ok', text);
  else findings.say('note', `${text} Every send waits for one; see --fsync, and use --lines.`);
}

/** The median of several flushes, in the nearest existing folder above. @throws the error of the system call */
function flushMs(folder: string): number {
  let place = folder;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  let dir: string | undefined;
  try {
    dir = mkdtempSync(join(place, '.sigmq-doctor-'));
    const fd = openSync(join(dir, 'flush'), 'w');
    const times = Array.from({ length: FLUSHES }, () => {
      const from = clockMs();
      writeSync(fd, Buffer.alloc(4096));
      fdatasyncSync(fd);
      return clockMs() - from;
    });
    closeSync(fd);
    return times.sort((a, b) => a - b)[FLUSHES >> 1] ?? 0;
  } finally {
    if (dir !== undefined && dir !== tmpdir()) rmSync(dir, { recursive: true, force: true });
  }
}
