// What the pictures of the documentation are made of. The ground is white, so that they can be read in dark mode, too.
export const INK = '#1f2933';
const LIGHT = '#f5f7fa';
export const GREY = '#616e7c';
export const ZERO = '#0b7285';
export const ONE = '#b44d12';
export const ECHO = '#2b8a3e';
/** Between two lines of text. */
const LINE = 18;

/** A rounded box with lines of text in its middle. */
export function box(x, y, width, height, lines, { fill = LIGHT, dashed = false } = {}) {
  const dash = dashed ? ' stroke-dasharray="5 4"' : '';
  const middle = y + height / 2 - ((lines.length - 1) * LINE) / 2;
  const texts = lines.map((text, n) => label(x + width / 2, middle + n * LINE + 5, text));
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="${fill}" stroke="${INK}"${dash}/>${texts.join('')}`;
}

export function label(x, y, text, { anchor = 'middle', colour = INK, isBold = false } = {}) {
  const weight = isBold ? ' font-weight="bold"' : '';
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${colour}"${weight}>${text}</text>`;
}

/** An arrow at both ends. */
export function line(x1, y1, x2, y2, colour = INK) {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="1.5" marker-start="url(#tip)" marker-end="url(#tip)"/>`;
}

/** An arrow along a path. */
export function arrow(d, colour = INK) {
  return `<path d="${d}" fill="none" stroke="${colour}" stroke-width="1.5" marker-end="url(#tip)"/>`;
}

export function picture(width, height, title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13" role="img" aria-label="${title}">
<title>${title}</title>
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="context-stroke"/></marker></defs>
<rect width="${width}" height="${height}" fill="white"/>
${parts.join('\n')}
</svg>
`;
}
