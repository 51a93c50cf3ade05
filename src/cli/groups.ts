import { groupOf, isGroupQueue, queueOfGroup } from '../options/groups.ts';
import type { QueueCounts } from '../queue/inspection.ts';
import type { Backend } from './backend.ts';
import { print } from './output.ts';
import { say } from './report.ts';
import { table, titled } from './table.ts';
import { jsonText } from './visible.ts';

/** Groups that a hint names. */
const MAX_NAMED = 5;

/** `sigmq group ls`. @param queue empty: of all queues */
export async function groupList(
  backend: Backend,
  queue: string,
  { json }: { readonly json?: true },
): Promise<void> {
  const groups = (await groupsIn(backend)).filter(
    (group) => queue === '' || queueOfGroup(group.queue) === queue,
  );
  if (json) {
    print(groups.map((group) => `${jsonText(describe(group))}\n`).join(''));
    return;
  }
  const rows = groups.map((group) => {
    const { queue, group: name, ready, delayed, reserved, dead, paused } = describe(group);
    return [queue, name, ready, delayed, reserved, dead, paused ? 'paused' : ''];
  });
  const title = ['QUEUE', 'GROUP', 'READY', 'DELAYED', 'RESERVED', 'DEAD', ''];
  if (rows.length > 0) print(titled(table([title, ...rows])));
  else say(queue === '' ? 'no queue has groups.' : `queue ${queue} has no groups.`);
}

/** `sigmq group rm`. @param name with its queue @throws SigmqError no-group, group-in-use */
export async function groupRemove(
  backend: Backend,
  name: string,
  isSure: (question: string) => Promise<boolean>,
): Promise<void> {
  const question = `Remove group ${groupOf(name)} of queue ${queueOfGroup(name)} and all of its messages?`;
  if (await isSure(question)) print(`${await backend.removeGroup(name)} removed\n`);
}

/** Where the messages are of which there are none in a queue. */
export async function groupHint(backend: Backend, queue: string): Promise<void> {
  const groups = (await groupsIn(backend)).filter((one) => queueOfGroup(one.queue) === queue);
  const names = groups.map((group) => group.queue).filter((name) => name !== queue);
  if (names.length === 0) return;
  const more = names.length > MAX_NAMED ? ', ...' : '';
  say(
    `it has groups, each with messages of its own: ${names.slice(0, MAX_NAMED).join(', ')}${more}.`,
  );
}

async function groupsIn(backend: Backend): Promise<QueueCounts[]> {
  return (await backend.counts()).filter(({ queue }) => isGroupQueue(queue));
}

function describe({ queue, ...counts }: QueueCounts) {
  return { queue: queueOfGroup(queue), group: groupOf(queue), ...counts };
}
