import type { Message } from '../client/message.ts';
import { firstHeaders } from './headers.ts';

/** What a command is told of its message. None of them configures sigmq. */
const TOLD = /^SIGMQ_(ID|ATTEMPT|MESSAGE_.*|HEADER_.*)$/s;

/**
 * The environment of a command: that of the caller, and what the command is told. What the caller has of the
 * same kind is about another message, that of a command around us, and is left out.
 */
export function variablesOf(
  message: Message,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([name]) => !TOLD.test(name));
  return { ...Object.fromEntries(own), ...messageVariables(message) };
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
    // `x-kind` and `x_kind` are the same there: the first counts, too.
    variables[`SIGMQ_MESSAGE_HEADER_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`] ??= value;
  }
  return variables;
}
