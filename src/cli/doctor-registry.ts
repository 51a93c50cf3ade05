import { existsSync, rmSync } from 'node:fs';
import { continueIt } from '../link/errors.ts';
import { brokerJsonPath, brokerPidPath, inspectBroker } from '../registry/broker-file.ts';
import { brokerSeenPath } from '../registry/broker-seen.ts';
import { pruneConsumers } from '../registry/consumers-edit.ts';
import { readConsumers } from '../registry/consumers-file.ts';
import { unfitConsumer } from '../registry/errors.ts';
import { isStopped, type ProcessTable } from '../registry/process-info.ts';
import { isGone, type VetFailure, type Vetted } from '../registry/vet.ts';
import { vetLine, witnessed } from '../registry/witness.ts';
import type { AdminFlags } from './admin-flags.ts';
import type { Findings } from './findings.ts';

/** Lines of consumers.txt that are reported one by one. */
const MAX_REFUSED = 20;
/** Reasons for which broker.pid may name a foreign broker that is alive but does not say enough: its file stays. */
const MAY_LIVE: ReadonlySet<VetFailure> = new Set([
  'indifferent',
  'interactive',
  'init',
  'not-ours',
]);

/** Reports which process broker.pid names. */
export function onBroker(
  findings: Findings,
  dir: string,
  table: ProcessTable,
  { clean }: AdminFlags,
): void {
  const found = inspectBroker(dir, table);
  if (found.ok) {
    const info = table.read(found.pid);
    if (info && isStopped(info)) {
      findings.say(
        'bad',
        `The broker ${found.pid} is stopped and answers nobody. ${continueIt(found.pid)}`,
      );
      return;
    }
    findings.say(
      'ok',
      `A broker is running: ${found.pid}${found.kind === 'plain' ? ', a plain peer' : ''}.`,
    );
    return;
  }
  if (!existsSync(brokerPidPath(dir))) {
    findings.say('note', 'No broker is running.');
    return;
  }
  if (found.why && MAY_LIVE.has(found.why)) {
    findings.say('note', `${found.error.message} ${found.error.hint}`);
  } else if (clean) {
    const files = [brokerPidPath(dir), brokerJsonPath(dir), brokerSeenPath(dir)];
    for (const path of files) rmSync(path, { force: true });
    findings.say('ok', 'Removed the broker.pid that a dead broker had left behind.');
  } else {
    findings.say('note', `${found.error.message} \`sigmq doctor --clean\` removes the file.`);
  }
}

/** Reports which processes consumers.txt names. */
export async function onConsumers(
  findings: Findings,
  dir: string,
  table: ProcessTable,
  { clean }: AdminFlags,
): Promise<void> {
  const lines = witnessed(readConsumers(dir), table);
  const named = lines.filter(({ pid }) => pid !== undefined);
  const vetted = named.map((line) => ({ line, result: vetLine(line, table) }));
  const gone = vetted.filter(({ result }) => isGone(result)).length;
  const refused = vetted.filter(({ result }) => !result.ok && !isGone(result));
  const served = named.length - gone - refused.length;
  const junk = lines.length - named.length;
  findings.say('ok', `${served} ${served === 1 ? 'consumer is' : 'consumers are'} registered.`);
  if (junk > 0) findings.say('note', `consumers.txt has ${junk} lines that name no process.`);
  for (const { line, result } of refused.slice(0, MAX_REFUSED)) {
    if (result.ok) continue;
    const sentence = unfitConsumer(line.pid ?? 0, result.why);
    findings.say('note', `A line of consumers.txt is not served. ${sentence}`);
  }
  if (refused.length > MAX_REFUSED) {
    findings.say('note', `${refused.length - MAX_REFUSED} more lines are not served.`);
  }
  const dead = vetted.filter(({ result }) => standsForNobody(result)).length;
  if (dead === 0) return;
  if (clean) {
    await pruneConsumers(dir, (line) => standsForNobody(vetLine(line, table)), table);
    findings.say('ok', `Removed ${dead} lines of dead consumers.`);
  } else {
    findings.say(
      'note',
      `consumers.txt has ${dead} lines of dead consumers. \`sigmq doctor --clean\` removes them.`,
    );
  }
}

/** A younger process has the PID: unless the clock was set, the one that was meant has ended. */
function standsForNobody(result: Vetted): boolean {
  return isGone(result) || (!result.ok && result.why === 'younger');
}
