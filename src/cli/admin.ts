import { createInterface } from 'node:readline/promises';
import { drainText, isDrained } from '../broker/drain-state.ts';
import { Inspector } from '../client/inspector.ts';
import { Exit } from '../errors.ts';
import type { Selection } from '../queue/inspection.ts';
import { messagesOf } from '../queue/paged-peek.ts';
import { adminErrors } from './admin-errors.ts';
import type { AdminFlags } from './admin-flags.ts';
import { type Backend, openBackend } from './backend.ts';
import { edit, remove, show } from './by-id.ts';
import { useColours } from './colours.ts';
import { deadKick, deadRemove, deadShow } from './dead.ts';
import { groupHint, groupList, groupRemove } from './groups.ts';
import { messageLine, messagesText } from './messages-text.ts';
import { print } from './output.ts';
import { PREVIEW_BYTES } from './preview.ts';
import { listQueues, setQueue, settingsLine, showQueue, unsetQueue } from './queue-settings.ts';
import { report, say } from './report.ts';
import { queuesText, statusText } from './status-text.ts';
import { jsonText } from './visible.ts';

const DEFAULT_PEEK_COUNT = 10;
const DEFAULT_DEAD_COUNT = 100;

interface Request {
  readonly flags: AdminFlags;
  readonly queue: string;
  readonly ids: readonly number[];
}

const onBroker = {
  status: async (broker: Inspector, { flags }: Request) => {
    const status = await broker.status();
    print(flags.json ? `${jsonText(status)}\n` : statusText(status, status.queues));
  },
  drain: async (broker: Inspector, { flags }: Request) => {
    if (flags.cancel) {
      if (!(await broker.cancelDrain())) say('the broker was not draining.');
      return;
    }
    const state = await broker.drain({ paused: flags.paused });
    print(`The broker accepts no more messages; it ${drainText(state)}.\n`);
    if (isDrained(state)) return;
    print('Then it stops; `sigmq drain --cancel` takes that back.\n');
  },
  stop: (broker: Inspector) => broker.stop(),
};

const onQueues = {
  ls: async (backend: Backend, { flags }: Request) => {
    const counts = await backend.counts();
    if (flags.json) print(counts.map((count) => `${jsonText(count)}\n`).join(''));
    else print(queuesText(counts, flags.long && settingsLine));
  },
  peek: (backend: Backend, { flags, queue }: Request) =>
    list(backend, queue, flags, { limit: flags.count ?? DEFAULT_PEEK_COUNT, state: flags.state }),
  purge: async (backend: Backend, { flags, queue }: Request) => {
    const what = `all ${flags.state ?? ''} messages of queue ${queue}`.replace('  ', ' ');
    if (!(await isSure(`Remove ${what}?`, flags))) return;
    const removed = await backend.purge(queue, { state: flags.state });
    print(`${removed} removed\n`);
    if (removed === 0) await groupHint(backend, queue);
  },
  pause: (backend: Backend, { queue }: Request) => backend.pause(queue, true),
  resume: async (backend: Backend, { queue }: Request) => {
    const isPaused = (await backend.counts()).some(
      (known) => known.queue === queue && known.paused,
    );
    if (!isPaused) say(`queue ${queue} was not paused.`);
    await backend.pause(queue, false);
  },
  'group-ls': (backend: Backend, { flags, queue }: Request) => groupList(backend, queue, flags),
  'group-rm': (backend: Backend, { flags, queue }: Request) =>
    groupRemove(backend, queue, (question) => isSure(question, flags)),
  show: (backend: Backend, { flags, ids: [id = 0] }: Request) => show(backend, id, flags),
  rm: (backend: Backend, { ids }: Request) => remove(backend, ids),
  edit: (backend: Backend, { flags, ids }: Request) => {
    const { queue, priority, delay: delayMs } = flags;
    return edit(backend, ids, { queue, priority, delayMs });
  },
  'dead-ls': (backend: Backend, { flags, queue }: Request) =>
    list(backend, queue, flags, { limit: flags.count ?? DEFAULT_DEAD_COUNT, state: 'dead' }),
  'dead-show': (backend: Backend, { flags, queue, ids }: Request) =>
    deadShow(backend, queue, ids, flags),
  'dead-kick': (backend: Backend, { flags, queue, ids }: Request) =>
    deadKick(backend, queue, ids, flags.to),
  'dead-rm': (backend: Backend, { flags, queue, ids }: Request) =>
    deadRemove(backend, queue, ids, (question) => isSure(question, flags)),
  'queue-set': (backend: Backend, { flags, queue }: Request) =>
    setQueue(backend, queue, flags.change),
  'queue-unset': (backend: Backend, { flags, queue }: Request) =>
    unsetQueue(backend, queue, flags.change),
  'queue-show': (backend: Backend, { flags, queue }: Request) => showQueue(backend, queue, flags),
  'queue-ls': (backend: Backend, { flags }: Request) => listQueues(backend, flags),
};

export type AdminAction = keyof typeof onBroker | keyof typeof onQueues;

/** Everything that inspects or changes a broker or its queues. @returns the exit code */
export async function admin(
  action: AdminAction,
  flags: AdminFlags,
  queue: string,
  ids: readonly number[],
): Promise<number> {
  useColours(flags);
  const request = { flags, queue, ids };
  let open: { close(): Promise<void> } | undefined;
  try {
    if (action in onBroker) {
      const broker = await Inspector.open({ dir: flags.dir });
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

/** Asks on a terminal; without one, --force is needed. @throws SigmqError needs-force */
export async function isSure(question: string, { force }: AdminFlags): Promise<boolean> {
  if (force) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw adminErrors.needsForce();
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`${question} [y/N] `);
  lines.close();
  const yes = /^y(es)?$/i.test(answer.trim());
  if (!yes) say('nothing was removed.');
  return yes;
}

async function list(
  backend: Backend,
  queue: string,
  { json, long }: AdminFlags,
  selection: Selection,
) {
  if (json) {
    // One at a time: each is printed and forgotten before the next is fetched.
    for await (const message of messagesOf(backend, queue, selection)) print(messageLine(message));
    return;
  }
  const messages = await backend.peek(queue, { ...selection, maxBody: PREVIEW_BYTES });
  if (messages.length > 0) {
    print(messagesText(messages, long));
    return;
  }
  say(`no ${selection.state ?? ''} messages in queue ${queue}.`.replace('  ', ' '));
  await groupHint(backend, queue);
}
