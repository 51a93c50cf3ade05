import type { Message } from '../client/message.ts';

/**
 * The headers of a message, each name once: if a name was given twice, in whatever case, the first one counts.
 * --format, --json and the environment of a command all agree on this.
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
