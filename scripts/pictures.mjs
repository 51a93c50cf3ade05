// `node scripts/pictures.mjs`, after a build: draws the pictures of the documentation that are not charts.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { svgOf } from '../dist/src/cli/scope/svg.js';
import { VcdReader } from '../dist/src/cli/scope/vcd-reader.js';

const INK = '#1f2933';
const LIGHT = '#f5f7fa';
const SIGNAL = '#b44d12';
const ROW = 44;

/** A rounded box with lines of text in its middle. */
function box(x, y, width, height, lines, { fill = LIGHT, dashed = false } = {}) {
  const dash = dashed ? ' stroke-dasharray="5 4"' : '';
  const middle = y + height / 2 - (lines.length - 1) * 9;
  const texts = lines.map((text, n) => label(x + width / 2, middle + n * 18 + 5, text));
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="${fill}" stroke="${INK}"${dash}/>${texts.join('')}`;
}

function label(x, y, text, { anchor = 'middle', colour = INK } = {}) {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${colour}">${text}</text>`;
}

/** An arrow at both ends. */
function line(x1, y1, x2, y2, colour = INK) {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="1.5" marker-start="url(#tip)" marker-end="url(#tip)"/>`;
}

function picture(width, height, title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13" role="img" aria-label="${title}">
<title>${title}</title>
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="context-stroke"/></marker></defs>
<rect width="${width}" height="${height}" fill="white"/>
${parts.join('\n')}
</svg>
`;
}

/** A host: its programs, and the signals between them. */
function host(x, name) {
  const programs = ['sigmq send', 'sigmq consume', 'sigmq consume'];
  const top = 60;
  return [
    box(x, 20, 290, 230, [], { fill: 'white', dashed: true }),
    label(x + 145, 42, name),
    ...programs.flatMap((program, n) => {
      const y = top + n * (ROW + 14);
      return [
        box(x + 14, y, 110, ROW, [program]),
        line(x + 126, y + ROW / 2, x + 188, 143, SIGNAL),
      ];
    }),
    box(x + 190, 118, 86, 50, ['broker']),
  ];
}

const scale = picture(640, 400, 'Two hosts, their signals, and the database that they share', [
  ...host(10, 'host A'),
  ...host(340, 'host B'),
  label(320, 270, 'orange: SIGUSR1 and SIGUSR2, which end at the kernel', { colour: SIGNAL }),
  box(220, 320, 200, 60, ['PostgreSQL', 'messages, limits, leases']),
  line(243, 170, 290, 318),
  line(573, 170, 400, 318),
  box(470, 325, 150, 50, ['standby', '(synchronous)'], { dashed: true }),
  line(422, 350, 468, 350),
  label(180, 300, 'SQL, and LISTEN', { anchor: 'end' }),
]);

/** The signals of a message, as `sigmq scope docs/signals.vcd --svg docs/signals.svg` draws them: a recorded transfer. */
function signals() {
  const reader = new VcdReader('docs/signals.vcd');
  reader.push(readFileSync(pathOf('signals.vcd'), 'latin1'));
  return svgOf(reader);
}

/** @param {string} name */
function pathOf(name) {
  return fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
}

writeFileSync(pathOf('scale.svg'), scale);
writeFileSync(pathOf('signals.svg'), signals());
