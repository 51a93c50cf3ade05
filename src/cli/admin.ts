import { createInterface } from 'node:readline/promises';
import chalk from 'chalk';
import type { BrokerStatus } from '../broker/answers.ts';
import { Inspector } from '../client/inspector.ts';
import { Exit } from '../errors.ts';
import type { QueueCounts, Stored } from '../queue/store.ts';
import type { AdminFlags } from './admin-command.ts';
import { type Backend, openBackend } from './backend.ts';
import { cliErrors } from './errors.ts';
import { print } from './output.ts';
import { report, say } from './report.ts';
import { table } from './table.ts';
import { jsonText, visible } from './visible.ts';

/** Bytes of a body that a list shows. */
const PREVIEW_BYTES = 200;
const PREVIEW_CHARACTERS = 60;
const DEFAULT_PEEK = 10;
const DEFAULT_DEAD = 100;

interface Request {
  readonly flags: AdminFlags;
  readonly queue: string;
  readonly ids: readonly number[];
}

const onBroker = {
  status: async (broker: Inspector, { flags }: Request) => {
    const status = await broker.status<BrokerStatus>();
    print(flags.json ? `${jsonText(status)}\n` : statusText(status));
  },
  drain: (broker: Inspector) => broker.drain(),
  stop: (broker: Inspector) => broker.stop(),
};

const onQueues = {
  ls: async (backend: Backend, { flags }: Request) => {
    const counts = await backend.counts();
    print(flags.json ? jsonLines(counts) : queuesText(counts));
  },
  peek: async (backend: Backend, { flags, queue }: Request) => {
    const { count: limit = DEFAULT_PEEK, state, json } = flags;
    const maxBody = json ? undefined : PREVIEW_BYTES;
    show(await backend.peek(queue, { limit, state, maxBody }), flags);
  },
  purge: async (backend: Backend, { flags, queue }: Request) => {
    const what = `all ${flags.state ?? ''} messages of queue ${queue}`.replace('  ', ' ');
    if (!(await isSure(`Remove ${what}?`, flags))) return;
    print(`${await backend.purge(queue, { state: flags.state })} removed\n`);
  },
  pause: (backend: Backend, { queue }: Request) => backend.pause(queue, true),
  resume: (backend: Backend, { queue }: Request) => backend.pause(queue, false),
  'dead-ls': async (backend: Backend, { flags, queue }: Request) => {
    const { count: limit = DEFAULT_DEAD, json } = flags;
    const maxBody = json ? undefined : PREVIEW_BYTES;
    show(await backend.peek(queue, { state: 'dead', limit, maxBody }), flags);
  },
  'dead-show': async (backend: Backend, { queue, ids: [id] }: Request) => {
    const [message] = await backend.peek(queue, { state: 'dead', ids: [id ?? 0] });
    if (!message) throw cliErrors.noSuchMessage(id ?? 0, queue);
    print(process.stdout.isTTY ? `${visible(message.body)}\n` : message.body);
  },
  'dead-kick': async (backend: Backend, { queue, ids }: Request) => {
    const kicked = await backend.kick(queue, ids.length > 0 ? { ids } : {});
    print(`${kicked} ready again\n`);
  },
  'dead-rm': async (backend: Backend, { flags, queue, ids }: Request) => {
    const what = ids.length > 0 ? ids.join(', ') : 'all';
    if (!(await isSure(`Remove ${what} of the dead messages of queue ${queue}?`, flags))) return;
    const some = ids.length > 0 ? { ids } : {};
    const removed = await backend.purge(queue, { state: 'dead', ...some });
    print(`${removed} removed\n`);
  },
};

export type AdminAction = keyof typeof onBroker | keyof typeof onQueues;

/** Everything that looks at a broker or its queues. @returns the exit code */
export async function admin(
  action: AdminAction,
  flags: AdminFlags,
  queue: string,
  ids: readonly number[],
): Promise<number> {
  if (process.env.NO_COLOR || flags.color === false) chalk.level = 0;
  const request = { flags, queue, ids };
  let open: { close(): Promise<void> } | undefined;
  try {
    if (action in onBroker) {
      const broker = Inspector.open({ dir: flags.dir });
      open = broker;
      await onBroker[action as keyof typeof onBroker](broker, request);
    } else {
      const backend = await openBackend(flags);
      open = backend;
      await onQueues[action as keyof typeof onQueues](backend, request);
    }
    return Exit.Ok;
  } catch (error) {
    return report(error);
  } finally {
    await open?.close();
  }
}

/** Asks on a terminal; elsewhere --force is needed. @throws SigmqError needs-force */
export async function isSure(question: string, { force }: AdminFlags): Promise<boolean> {
  if (force) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw cliErrors.needsForce();
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`${question} [y/N] `);
  lines.close();
  const yes = /^y(es)?$/i.test(answer.trim());
  if (!yes) say('nothing was removed.');
  return yes;
}

function jsonLines(items: readonly unknown[]): string {
  return items.map((item) => `${jsonText(item)}\n`).join('');
}

function show(messages: readonly Stored[], { json }: AdminFlags): void {
  if (json) {
    print(
      jsonLines(
        messages.map(({ body, ...rest }) => ({
          ...rest,
          body: Buffer.from(body).toString('base64'),
          base64: true,
        })),
      ),
    );
    return;
  }
  const rows = messages.map(({ id, state, priority, attempt, bytes, body }) => [
    ...[id, state, priority, state === 'dead' ? attempt - 1 : attempt, bytes],
    visible(body).replaceAll('\n', '\\n').replaceAll('\t', '\\t').slice(0, PREVIEW_CHARACTERS),
  ]);
  print(titled(table([['ID', 'STATE', 'PRIO', 'ATTEMPT', 'BYTES', 'BODY'], ...rows])));
}

function queuesText(counts: readonly QueueCounts[]): string {
  const rows = counts.map(({ queue, ready, delayed, reserved, dead, paused }) => [
    ...[queue, ready, delayed, reserved, dead],
    paused ? 'paused' : '',
  ]);
  return titled(table([['QUEUE', 'READY', 'DELAYED', 'RESERVED', 'DEAD', ''], ...rows]));
}

function statusText(status: BrokerStatus): string {
  const { pid, version, dir, store, uptimeMs, draining, plainBecause, queues, consumers } = status;
  const seconds = Math.max(uptimeMs / 1000, 1);
  const rate = (count: number) => `${count} (${(count / seconds).toFixed(1)}/s)`;
  const lines = [
    `broker     ${pid}, version ${version}, up ${duration(uptimeMs)}${draining ? ', draining' : ''}`,
    `directory  ${dir}`,
    `messages   ${store}`,
    `accepted   ${rate(status.accepted)}`,
    `delivered  ${rate(status.delivered)}`,
    ...(plainBecause === null ? [] : [`plain      ${plainBecause}`]),
  ];
  const rows = consumers.map(({ pid, kind, queues, jobs, holding }) => [
    ...[pid, kind, jobs, holding],
    queues.join(','),
  ]);
  const consumersText = titled(table([['CONSUMER', 'KIND', 'JOBS', 'HOLDS', 'QUEUES'], ...rows]));
  return `${visible(lines.join('\n'))}\n\n${queuesText(queues)}\n${consumersText}`;
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return first === -1
    ? '0s'
    : parts
        .slice(first, first + 2)
        .map(([count, unit]) => `${count}${unit}`)
        .join(' ');
}

/** The first line in bold. */
function titled(text: string): string {
  const end = text.indexOf('\n');
  return process.stdout.isTTY ? chalk.bold(text.slice(0, end)) + text.slice(end) : text;
}
