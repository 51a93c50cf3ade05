/** Bytes of the longest character in UTF-8. */
export const MAX_CHARACTER_BYTES = 4;

/** The beginning of a text, without a partial character at its end. Other bytes stay as they are. */
export function wholeCharacters(text: Uint8Array): Uint8Array {
  const { length } = text;
  for (let back = 1; back < MAX_CHARACTER_BYTES && back <= length; back++) {
    const byte = text[length - back] as number;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue; // the middle of a character
    const whole = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return back < whole ? text.subarray(0, length - back) : text;
  }
  return text;
}
