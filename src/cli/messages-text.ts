import type { Stored } from '../queue/inspection.ts';
import { failureText } from './failures-text.ts';
import { preview } from './preview.ts';
import { table, titled } from './table.ts';
import { jsonText } from './visible.ts';

/** The list that `peek` and `dead ls` print. @param isLong with the last failure of each */
export function messagesText(messages: readonly Stored[], isLong = false): string {
  const areReleased = messages.some(({ releases }) => releases > 0);
  const rows = messages.map((message) => {
    const { id, state, priority, attempt, releases, bytes } = message;
    return [
      ...[id, state, priority, state === 'dead' ? attempt - 1 : attempt],
      ...(areReleased ? [releases] : []),
      ...[bytes, preview(message)],
      ...(isLong ? [failureText(message.lastFailure)] : []),
    ];
  });
  const title = ['ID', 'STATE', 'PRIO', 'ATTEMPT', ...(areReleased ? ['RELEASES'] : [])];
  const last = isLong ? ['LAST FAILURE'] : [];
  return titled(table([[...title, 'BYTES', 'BODY', ...last], ...rows]));
}

/** One line of JSON. */
export function messageLine({ body, ...rest }: Stored): string {
  return `${jsonText({ ...rest, body: Buffer.from(body).toString('base64'), base64: true })}\n`;
}
