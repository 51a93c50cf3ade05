import type { Message } from '../client/message.ts';

/**
 * The headers of a message, each name once: of one that was given twice, whatever its case, the first counts.
 * It is the same in --format, in --json and in the environment of a command.
 */
export function firstHeaders({ headers }: Pick<Message, 'headers'>): [string, string][] {
  const seen = new Set<string>();
  return headers.flatMap(([name, value]) => {
    const key = name.toLowerCase();
    if (seen.has(key)) return [];
    seen.add(key);
    return [[name, value]];
  });
}
