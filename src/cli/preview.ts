import type { Stored } from '../queue/inspection.ts';
import { wholeCharacters } from '../queue/text.ts';
import { oneLine } from './visible.ts';

/** Bytes of a body that a list requests. */
export const PREVIEW_BYTES = 200;
/** Columns of it that a list shows; characters that terminals draw two columns wide count as one. */
const PREVIEW_COLUMNS = 60;
const MORE = '…';

/**
 * The beginning of a body on one line. What a reader sees as one character, even if it has many code points, and
 * the escape for a control character, is shown whole or not at all.
 */
export function preview({ body, bytes }: Pick<Stored, 'body' | 'bytes'>): string {
  const isCut = body.length < bytes;
  const text = Buffer.from(isCut ? wholeCharacters(body) : body).toString();
  const characters = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  // The rest of the last one may be in the part that was not requested.
  if (isCut) characters.pop();
  let shown = '';
  let columns = 0;
  for (const character of characters) {
    const part = oneLine(character);
    columns += part === character ? 1 : part.length;
    if (columns > PREVIEW_COLUMNS) return shown + MORE;
    shown += part;
  }
  return isCut ? shown + MORE : shown;
}
