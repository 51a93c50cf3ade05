/** The pictures of the documentation are what draws them makes of src/ and of what was recorded. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { Program, ROOT, Stage } from '../e2e/harness.ts';

const DOCS = join(ROOT, 'docs');
const read = (path: string) => readFileSync(path, 'utf8');

it('the pictures in docs are what `node scripts/pictures.mjs` draws', async (t) => {
  const { dir } = new Stage(t);
  const script = join(ROOT, 'scripts/pictures.mjs');
  const { code, stderr } = await new Program(t, process.execPath, [script, dir]).ended;
  assert.equal(code, 0, stderr);
  const drawn = readdirSync(dir).filter((name) => name.endsWith('.svg'));
  assert.deepEqual(drawn.sort(), ['architecture', 'bus', 'life', 'scale', 'signals'].map(svg));
  for (const name of drawn) {
    const isSame = read(join(dir, name)) === read(join(DOCS, name));
    assert.ok(isSame, `docs/${name} is older than what it shows: node scripts/pictures.mjs`);
  }
});

it('every picture in docs is shown on a page', () => {
  const files = readdirSync(DOCS);
  const pages = files.filter((name) => name.endsWith('.md')).map((name) => read(join(DOCS, name)));
  const all = [read(join(ROOT, 'README.md')).replaceAll('docs/', ''), ...pages].join('\n');
  const hidden = files.filter((name) => name.endsWith('.svg') && !all.includes(`](${name})`));
  assert.deepEqual(hidden, []);
});

function svg(name: string): string {
  return `${name}.svg`;
}
