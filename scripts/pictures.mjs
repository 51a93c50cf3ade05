// `node scripts/pictures.mjs [DIR]`, after a build: draws the pictures of the documentation that are not charts, into
// docs/ or another directory.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { svgOf } from '../dist/src/cli/scope/svg.js';
import { VcdReader } from '../dist/src/cli/scope/vcd-reader.js';
import { architecture } from './pictures/architecture.mjs';
import { bus } from './pictures/bus.mjs';
import { life } from './pictures/life.mjs';
import { scale } from './pictures/scale.mjs';

const DOCS = fileURLToPath(new URL('../docs', import.meta.url));

/** The signals of a message, as `sigmq scope docs/signals.vcd --svg docs/signals.svg` draws them: a recorded transfer. */
function signals() {
  const reader = new VcdReader('docs/signals.vcd');
  reader.push(readFileSync(join(DOCS, 'signals.vcd'), 'latin1'));
  return svgOf(reader);
}

const to = process.argv[2] ?? DOCS;
for (const draw of [architecture, bus, life, scale, signals]) {
  writeFileSync(join(to, `${draw.name}.svg`), draw());
}
