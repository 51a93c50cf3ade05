/** The examples of the library in README.md and docs, each file in a process of its own, as a reader runs them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { loadAddon } from '../../src/signals/addon.ts';
import { Program, ROOT, Stage, until } from './harness.ts';

const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];
const INDEX = JSON.stringify(join(ROOT, 'dist/src/index.js'));

/** The files that a page shows, by name, in a directory of the test. */
function filesOf(page: string, dir: string): Map<string, string> {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks = [...text.matchAll(/```(?:ts|js)\n(.*?)```/gs)].map(([, block = '']) => block);
  const examples = blocks.filter((block) => block.includes("from 'sigmq'"));
  return new Map(
    examples.map((example) => {
      const name = /^\/\/ (\w+\.mjs)/.exec(example)?.[1];
      assert.ok(name, `an example of ${page} begins with its file's name`);
      return [name, example.replaceAll("'sigmq'", INDEX).replaceAll('/tmp/demo', dir)];
    }),
  );
}

/** Runs the three programs. @returns what the consumer printed when it has printed so much */
async function shown(t: TestContext, page: string, lines: number): Promise<string[]> {
  const stage = new Stage(t);
  const run = stage.path('run');
  const files = filesOf(page, run);
  assert.deepEqual([...files.keys()].sort(), ['broker.mjs', 'consumer.mjs', 'producer.mjs']);
  const env = { XDG_STATE_HOME: stage.path('state'), HOME: stage.dir };
  const start = (name: string) => {
    writeFileSync(stage.path(name), files.get(name) ?? '');
    return new Program(t, process.execPath, [stage.path(name)], { env });
  };
  start('broker.mjs');
  await until('the broker', () => hasFile(join(run, 'broker.pid')));
  const consumer = start('consumer.mjs');
  await until('the consumer', () => hasFile(join(run, 'consumers.txt')));
  const { code, stderr } = await start('producer.mjs').ended;
  assert.equal(code, 0, stderr);
  return consumer.printed(lines);
}

function hasFile(path: string): boolean {
  try {
    return readFileSync(path, 'utf8') !== '';
  } catch {
    return false;
  }
}

describe('the examples of the library', { skip: loadAddon().why ?? false }, () => {
  it('of the README say hello', async (t) => {
    assert.deepEqual(await shown(t, 'README.md', 1), ['hello']);
  });

  it('of docs/library.md do what they show', async (t) => {
    const lines = await shown(t, 'docs/library.md', 4);
    assert.deepEqual(lines, [
      "mail hello { lang: 'en' }",
      'default one {}',
      'default two {}',
      'default \0\u0001\u0002 {}',
    ]);
  });

  it('are all in these pages', () => {
    const pages = PAGES.filter((page) => page.endsWith('.md')).filter(
      (page) => filesOf(page, '').size > 0,
    );
    assert.deepEqual(pages, ['README.md', 'docs/library.md']);
  });
});
