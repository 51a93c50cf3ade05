import { ageText } from '../age.ts';
import { oneLine } from '../visible.ts';
import { listsOf } from './lists.ts';
import type { LiveQueue } from './live.ts';
import { short } from './numbers.ts';
import { holderText, type ShownConsumer, type Snapshot, sumsOf } from './snapshot.ts';
import { FIRST } from './state.ts';

/**
 * The same in sentences, for a screen reader, a log or a pipe: no columns, no drawing, and nothing is said of what is
 * nought.
 */
export function plainText(snapshot: Snapshot): string {
  const { queues, consumers } = listsOf(snapshot, FIRST);
  const lines = [
    headLine(snapshot),
    ...(snapshot.trouble === undefined ? [] : [snapshot.trouble]),
    sumsLine(snapshot),
    ...busLines(snapshot),
    ...queues.map(queueLine),
    ...consumers.map(consumerLine),
  ];
  return `${lines.map(oneLine).join('\n')}\n`;
}

function headLine({ pid, dir, upMs, isDraining }: Snapshot): string {
  const who = pid === undefined ? 'No broker' : `Broker ${pid}, up ${ageText(upMs)}`;
  return `${who}${isDraining ? ', draining' : ''}, in ${dir}`;
}

function sumsLine({ queues, consumers }: Snapshot): string {
  const { accepted, done, failed, ...states } = sumsOf(queues);
  const rates = ratesText({ accepted, done, failed });
  return `${plural(queues.length, 'queue')}, ${plural(consumers.length, 'consumer')}: ${statesText(states)}; ${rates}`;
}

function busLines(snapshot: Snapshot): string[] {
  const { bits, bus } = snapshot;
  if (!bits) return [];
  const { busy, holder, waiting } = bus;
  const used =
    busy === undefined || holder === undefined
      ? ''
      : `, held ${Math.max(1, Math.round(busy * 100))} percent of the time, most by ${holderText(snapshot, holder)}`;
  const waits = waiting > 0 ? `, ${waiting} waiting for it` : '';
  return [`Bus: ${short(bits.perSecond)} bits per second${used}${waits}`];
}

function queueLine(queue: LiveQueue): string {
  const paused = queue.paused ? ', paused' : '';
  return `Queue ${queue.queue}${paused}: ${statesText(queue)}; ${ratesText(queue.rates)}`;
}

function statesText(states: Pick<LiveQueue, 'ready' | 'delayed' | 'reserved' | 'dead'>): string {
  const { ready, delayed, reserved, dead } = states;
  const named = { ready, delayed, held: reserved, dead };
  const said = Object.entries(named).filter(([, count]) => count > 0);
  return said.length === 0 ? 'empty' : said.map(([name, count]) => `${count} ${name}`).join(', ');
}

function ratesText({ accepted, done, failed }: LiveQueue['rates']): string {
  if (done === undefined) return 'rates not known yet';
  const said = Object.entries({ in: accepted, done, failed }).filter(([, rate]) => rate);
  if (said.length === 0) return 'nothing moves';
  return `${said.map(([name, rate]) => `${short(rate)} ${name}`).join(', ')} per second`;
}

function consumerLine(consumer: ShownConsumer): string {
  const { pid, queues, holding, id, queue, heldMs, command, isStopped } = consumer;
  const others = holding > 1 ? `, and ${holding - 1} more` : '';
  const does = id === 0 ? 'idle' : `message ${id} of ${queue} for ${ageText(heldMs)}${others}`;
  return `Consumer ${pid} of ${queues.join(', ')}${isStopped ? ', stopped' : ''}: ${does}; ${command}`;
}

function plural(count: number, name: string): string {
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
