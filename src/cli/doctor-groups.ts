import { ungroupedText } from '../broker/ungrouped.ts';
import { Inspector } from '../client/inspector.ts';
import { SigmqError } from '../errors.ts';
import { groupOf, isGroupQueue, queueOfGroup } from '../options/groups.ts';
import type { QueueCounts } from '../queue/inspection.ts';
import type { BrokerStatus } from '../status.ts';
import type { Findings } from './findings.ts';

/** Findings of each kind that are reported one by one. */
const MAX_REPORTED = 20;

/** Reports groups whose messages nobody takes, and consumers that get nothing because they are in no group. */
export async function onGroups(findings: Findings, dir: string): Promise<void> {
  try {
    const broker = await Inspector.open({ dir });
    try {
      const groups = (await broker.counts()).filter(({ queue }) => isGroupQueue(queue));
      if (groups.length > 0) report(findings, groups, await broker.status());
    } finally {
      await broker.close();
    }
  } catch (error) {
    if (!(error instanceof SigmqError)) throw error; // the broker, or its store, is reported elsewhere
  }
}

function report(
  findings: Findings,
  groups: readonly QueueCounts[],
  { consumers, engine }: BrokerStatus,
): void {
  const served = new Set(consumers.flatMap(({ queues }) => queues));
  const left = groups.filter(
    ({ queue, ready, delayed }) => ready + delayed > 0 && !served.has(queue),
  );
  const where = engine ? ' of this broker' : '';
  const abandoned = left.map(({ queue, ready, delayed }) => {
    const [of, group] = [queueOfGroup(queue), groupOf(queue)];
    return `Group ${group} of queue ${of} has no consumer${where}, and ${ready + delayed} messages wait for it: every message that is sent is kept for it, too. Start one, or remove the group with \`sigmq group rm ${of} ${group}\`.`;
  });
  const grouped = new Set(groups.map(({ queue }) => queueOfGroup(queue)));
  const ungrouped = consumers.flatMap(({ pid, queues }) =>
    queues.filter((queue) => grouped.has(queue)).map((queue) => ungroupedText(pid, queue)),
  );
  for (const texts of [abandoned, ungrouped]) {
    for (const text of texts.slice(0, MAX_REPORTED)) findings.say('note', text);
    const more = texts.length - MAX_REPORTED;
    if (more > 0) findings.say('note', `The same is true of ${more} more.`);
  }
}
