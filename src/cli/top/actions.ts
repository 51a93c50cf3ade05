import type { Inspector } from '../../client/inspector.ts';
import { messagesText } from '../messages-text.ts';
import { PREVIEW_BYTES, preview } from '../preview.ts';
import { oneLine } from '../visible.ts';
import type { ShownConsumer } from './snapshot.ts';
import type { Action, Page } from './state.ts';

/** Messages that a look at a queue shows: each takes some bits. */
const PEEK_MESSAGES = 50;

/** What an action has come to. */
export interface Result {
  readonly notice?: string;
  readonly page?: Page;
}

type Asked = Pick<Inspector, 'pause' | 'kick' | 'peek' | 'find'>;

/**
 * Does what a key has asked for.
 * @throws SigmqError what the broker says, or why it cannot be asked
 */
export async function act(
  action: Exclude<Action, { kind: 'quit' }>,
  broker: Asked,
  consumers: readonly ShownConsumer[],
): Promise<Result> {
  switch (action.kind) {
    case 'pause': {
      const { queue, paused } = action;
      await broker.pause(queue, paused);
      return { notice: `${queue} is ${paused ? 'paused' : 'not paused'}.` };
    }
    case 'kick':
      return { notice: `${await broker.kick(action.queue)} messages are ready again.` };
    case 'peek':
      return { page: await pageOf(action.queue, broker) };
    case 'show': {
      const consumer = consumers.find(({ pid }) => pid === action.pid);
      if (!consumer) return { notice: `Consumer ${action.pid} has left.` };
      return { page: await pageOfConsumer(consumer, broker) };
    }
  }
}

async function pageOf(queue: string, broker: Asked): Promise<Page> {
  const limit = PEEK_MESSAGES;
  const messages = await broker.peek(queue, { limit, maxBody: PREVIEW_BYTES });
  const title = `Messages of ${queue}${messages.length === limit ? `, the first ${limit}` : ''}`;
  const lines = messages.length === 0 ? ['none'] : messagesText(messages).trimEnd().split('\n');
  return { title, lines, from: 0 };
}

async function pageOfConsumer(consumer: ShownConsumer, broker: Asked): Promise<Page> {
  const { pid, kind, queues, jobs, holding, id, command } = consumer;
  const message = id === 0 ? undefined : await broker.find(id, { maxBody: PREVIEW_BYTES });
  const about = message
    ? [
        `message   ${id} of ${message.queue}, attempt ${message.attempt}, ${message.bytes} bytes`,
        `body      ${preview(message)}`,
      ]
    : ['message   none now'];
  return {
    title: `Consumer ${pid}`,
    lines: [
      `command   ${oneLine(command)}`,
      `queues    ${queues.join(', ')}`,
      `takes     ${jobs} at a time${kind === 'plain' ? ', as a plain peer' : ''}`,
      `holds     ${holding}`,
      ...about,
    ],
    from: 0,
  };
}
