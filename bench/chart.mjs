// Horizontal bars on logarithmic scales, one panel below the other, as SVG that needs nothing else.
const WIDTH = 760;
const LEFT = 290;
const RIGHT = 90;
const ROW = 30;
const BAR = 18;
const TOP = 44;
const BELOW = 26;
/** Of a line that says what the bars below it have in common. */
const HEADING = 24;

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {number} value above 0
 * @property {string} text
 * @property {string} [heading] above it, for it and those that follow
 */

/** @param {{ title: string, bars: Bar[] }} what */
function panel({ title, bars }) {
  const low = 10 ** Math.floor(Math.log10(Math.min(...bars.map(({ value }) => value))));
  const most = 10 ** Math.ceil(Math.log10(Math.max(...bars.map(({ value }) => value))));
  const high = Math.max(most, low * 10);
  const scale = (WIDTH - LEFT - RIGHT) / Math.log10(high / low);
  const at = (value) => LEFT + Math.log10(value / low) * scale;
  const rows = [];
  let y = TOP;
  for (const { label, value, text, heading } of bars) {
    if (heading) {
      rows.push(`<text x="10" y="${y + 12}" fill="#333">${escaped(heading)}</text>`);
      y += HEADING;
    }
    const middle = y + BAR / 2 + 4;
    rows.push(
      `<text x="${LEFT - 10}" y="${middle}" text-anchor="end" fill="#333">${escaped(label)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${(at(value) - LEFT).toFixed(1)}" height="${BAR}" fill="#4878a8"/>`,
      `<text x="${(at(value) + 6).toFixed(1)}" y="${middle}" fill="#333">${escaped(text)}</text>`,
    );
    y += ROW;
  }
  const height = y + BELOW;
  const grid = [];
  for (let tick = low; tick <= high; tick *= 10) {
    const x = at(tick).toFixed(1);
    grid.push(
      `<line x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${height - 24}" stroke="#ccc"/>`,
      `<text x="${x}" y="${height - 8}" text-anchor="middle" fill="#666">${tick.toLocaleString('en')}</text>`,
    );
  }
  const name = `<text x="${LEFT}" y="22" font-size="15" fill="#333">${escaped(title)}</text>`;
  return { height, parts: [name, ...grid, ...rows] };
}

export function charts(/** @type {{ title: string, bars: Bar[] }[]} */ panels) {
  const parts = [];
  let height = 0;
  for (const drawn of panels.map(panel)) {
    parts.push(`<g transform="translate(0 ${height})">`, ...drawn.parts, '</g>');
    height += drawn.height;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}
