import type { Message } from '../client/message.ts';
import { firstHeaders } from './headers.ts';

/** What a command learns about its message. None of these configures sigmq. */
const TOLD = /^SIGMQ_(ID|ATTEMPT|MESSAGE_.*|HEADER_.*)$/s;

/**
 * The environment of a command: that of the caller, plus what the command learns about its message. Such variables
 * of the caller itself belong to another message, that of a command around us, and are left out.
 */
export function variablesOf(
  message: Message,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([name]) => !TOLD.test(name));
  return { ...Object.fromEntries(own), ...messageVariables(message) };
}

/** The same for a command that gets many: what they do not have in common is left out. */
export function batchVariablesOf(
  messages: readonly Message[],
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([name]) => !TOLD.test(name));
  const queues = new Set(messages.map(({ queue }) => queue));
  const [queue = ''] = queues;
  return {
    ...Object.fromEntries(own),
    SIGMQ_MESSAGE_IDS: messages.map(({ id }) => String(id ?? '')).join(' '),
    SIGMQ_MESSAGE_COUNT: String(messages.length),
    ...(queues.size === 1 ? { SIGMQ_MESSAGE_QUEUE: queue } : {}),
  };
}

function messageVariables(message: Message): Record<string, string> {
  const { id, queue, attempt, releases } = message;
  const variables: Record<string, string> = {
    SIGMQ_MESSAGE_ID: String(id ?? ''),
    SIGMQ_MESSAGE_QUEUE: queue,
    SIGMQ_MESSAGE_ATTEMPT: String(attempt),
    SIGMQ_MESSAGE_RELEASES: String(releases),
    SIGMQ_ID: String(id ?? ''),
    SIGMQ_ATTEMPT: String(attempt),
  };
  for (const [name, value] of firstHeaders(message)) {
    // `x-kind` and `x_kind` become the same name: again the first one counts.
    variables[`SIGMQ_MESSAGE_HEADER_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`] ??= value;
  }
  return variables;
}
