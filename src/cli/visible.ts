/** What could move a terminal's cursor, retitle it, or show text in another order than it has. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * Text as it may go to a terminal: control characters are written as escapes. Newlines and tabs stay.
 * @param text bytes are read as UTF-8
 */
export function visible(text: string | Uint8Array): string {
  return String(typeof text === 'string' ? text : Buffer.from(text)).replace(
    CONTROL,
    (character) => (character === '\n' || character === '\t' ? character : escapeOf(character)),
  );
}

/** JSON in ASCII where a terminal could take it for a command; the same value for who parses it. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(CONTROL, (character) => `\\u${hex(character, 4)}`);
}

function escapeOf(character: string): string {
  return character < '\u0100' ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}
