/**
 * What could move a terminal's cursor, change its title, or show text in another order than its own. Made when it is
 * needed: the first expression with such properties takes 0.5 ms.
 */
const control = () => /[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * Text in a form that is safe for a terminal: control characters are written as escapes. Newlines and tabs stay.
 * @param text bytes are decoded as UTF-8
 */
export function visible(text: string | Uint8Array): string {
  return String(typeof text === 'string' ? text : Buffer.from(text)).replace(
    control(),
    (character) => (character === '\n' || character === '\t' ? character : escapeOf(character)),
  );
}

/** {@link visible} on one line: newlines and tabs are written as escapes, too. */
export function oneLine(text: string | Uint8Array): string {
  return visible(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

/** JSON with escapes wherever a terminal could take it for a command; it parses to the same value. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(control(), (character) => `\\u${hex(character, 4)}`);
}

function escapeOf(character: string): string {
  return character < '\u0100' ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}
