// Horizontal bars on a logarithmic scale, as SVG that needs nothing else.
const WIDTH = 760;
const LEFT = 290;
const RIGHT = 90;
const ROW = 30;
const BAR = 18;
const TOP = 44;

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** @param bars each `{ label, value, text }`, `value` above 0 */
export function barChart(title, bars) {
  const low = 10 ** Math.floor(Math.log10(Math.min(...bars.map(({ value }) => value))));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...bars.map(({ value }) => value))));
  const scale = (WIDTH - LEFT - RIGHT) / Math.log10(high / low);
  const at = (value) => LEFT + Math.log10(value / low) * scale;
  const height = TOP + bars.length * ROW + 26;
  const grid = [];
  for (let tick = low; tick <= high; tick *= 10) {
    const x = at(tick).toFixed(1);
    grid.push(
      `<line x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${height - 24}" stroke="#ccc"/>`,
      `<text x="${x}" y="${height - 8}" text-anchor="middle" fill="#666">${tick.toLocaleString('en')}</text>`,
    );
  }
  const rows = bars.map(({ label, value, text }, n) => {
    const y = TOP + n * ROW;
    const middle = y + BAR / 2 + 4;
    return [
      `<text x="${LEFT - 10}" y="${middle}" text-anchor="end" fill="#333">${escaped(label)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${(at(value) - LEFT).toFixed(1)}" height="${BAR}" fill="#4878a8"/>`,
      `<text x="${(at(value) + 6).toFixed(1)}" y="${middle}" fill="#333">${escaped(text)}</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${LEFT}" y="22" font-size="15" fill="#333">${escaped(title)}</text>
${grid.join('\n')}
${rows.join('\n')}
</svg>
`;
}
