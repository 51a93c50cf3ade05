/**
 * A message as it may go to a terminal: control characters, which could move its cursor, retitle it or
 * worse, are written as escapes. Newlines and tabs stay.
 */
export function visible(body: Uint8Array): string {
  return Buffer.from(body)
    .toString()
    .replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, escapeOf);
}

function escapeOf(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}
