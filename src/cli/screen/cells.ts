/** What takes no column of its own: accents that combine, joiners, variation selectors. */
const NO_COLUMN = /^[\p{Mn}\p{Me}\p{Cf}]/u;
/** What takes two: East Asian wide and fullwidth characters, and pictures. */
const TWO_COLUMNS =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation})/u;
/** A colour, or another attribute: "Select Graphic Rendition" of ECMA-48. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it begins with one
const ATTRIBUTE = /^\x1b\[[0-9;]*m/;
const NO_ATTRIBUTES = '\x1b[0m';

/** How many columns of a terminal a text takes; attributes take none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const { width } of cells(text)) columns += width;
  return columns;
}

/** As much of a text as fits into so many columns; if it is cut, its attributes end there. */
export function cut(text: string, columns: number): string {
  let left = columns;
  let kept = '';
  let hasAttributes = false;
  for (const { part, width } of cells(text)) {
    hasAttributes ||= ATTRIBUTE.test(part);
    if (width > left) return hasAttributes ? kept + NO_ATTRIBUTES : kept;
    left -= width;
    kept += part;
  }
  return kept;
}

/** The text in exactly so many columns: cut, or with spaces behind it. */
export function padded(text: string, columns: number): string {
  const kept = cut(text, columns);
  return kept + ' '.repeat(Math.max(0, columns - columnsOf(kept)));
}

/** Its characters, and its attributes as parts of their own. */
function* cells(text: string): Generator<{ readonly part: string; readonly width: number }> {
  for (let at = 0; at < text.length; ) {
    const attribute = text[at] === '\x1b' ? ATTRIBUTE.exec(text.slice(at, at + 32)) : null;
    const part = attribute?.[0] ?? String.fromCodePoint(text.codePointAt(at) as number);
    yield { part, width: attribute ? 0 : widthOf(part) };
    at += part.length;
  }
}

function widthOf(character: string): number {
  if (character < '\u0300') return 1;
  if (NO_COLUMN.test(character)) return 0;
  return TWO_COLUMNS.test(character) ? 2 : 1;
}
