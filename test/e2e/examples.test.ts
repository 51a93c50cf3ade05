/** The examples of the library in README.md and docs, each file in a process of its own, as a reader runs them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Producer } from '../../src/index.ts';
import { loadAddon } from '../../src/signals/addon.ts';
import { Program, ROOT, Stage, until } from './harness.ts';

const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];
const PAGE = 'docs/library.md';
const INDEX = JSON.stringify(join(ROOT, 'dist/lib/index.js'));

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

it('what the package exports has its own name', async (t) => {
  const stage = new Stage(t);
  const script = `import * as all from ${INDEX};
    const named = Object.entries(all).filter(([, one]) => typeof one === 'function');
    console.log(JSON.stringify(named.filter(([name, one]) => one.name !== name).map(([name]) => name)));
    await all.Consumer.open({ jobs: -3 }).catch((error) => console.log(String(error)));`;
  writeFileSync(stage.path('names.mjs'), script);
  const { stdout } = await new Program(t, process.execPath, [stage.path('names.mjs')]).ended;
  assert.match(stdout.toString(), /^\[\]\nOptionError: jobs: -3 is not/);
});

/** The programs of a page, and a broker that runs as the page says. */
async function given(t: TestContext, page: string) {
  const stage = new Stage(t);
  const run = stage.path('run');
  const files = filesOf(page, run);
  const env = { XDG_STATE_HOME: stage.path('state'), HOME: stage.dir };
  const start = (name: string) => {
    writeFileSync(stage.path(name), files.get(name) ?? assert.fail(`${page} has no ${name}`));
    return new Program(t, process.execPath, [stage.path(name)], { env });
  };
  /** Starts it, and waits until it is registered. */
  const consumer = async (name: string) => {
    const program = start(name);
    await until(name, () => hasFile(join(run, 'consumers.txt')));
    return program;
  };
  const succeed = async (name: string) => {
    const { code, stdout, stderr } = await start(name).ended;
    assert.equal(code, 0, stderr);
    return stdout.toString();
  };
  const broker = start('broker.mjs');
  await until('the broker', () => hasFile(join(run, 'broker.pid')));
  return { run, broker, consumer, succeed };
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
    const { consumer, succeed } = await given(t, 'README.md');
    const taking = await consumer('consumer.mjs');
    await succeed('producer.mjs');
    assert.deepEqual(await taking.printed(1), ['hello']);
  });

  it('of docs/library.md do what they show', async (t) => {
    const { broker, consumer, succeed } = await given(t, PAGE);
    const taking = await consumer('consumer.mjs');
    await succeed('producer.mjs');
    assert.deepEqual(await taking.printed(4), [
      "mail hello { lang: 'en' }",
      'default one {}',
      'default two {}',
      'default \0\u0001\u0002 {}',
    ]);
    assert.equal(await succeed('look.mjs'), `broker ${broker.pid} has 1 consumers\n`);
    assert.match(await succeed('policy.mjs'), /maxAttempts: 3,.*deadTo: 'mail.dead'/s);
    for (const program of [taking, broker]) {
      program.signal('SIGTERM');
      const { code, stderr } = await program.ended;
      assert.equal(code, 0, stderr);
    }
  });

  it('of docs/library.md handle a message, and reject another', async (t) => {
    const { run, consumer } = await given(t, PAGE);
    const taking = await consumer('handler.mjs');
    const producer = await Producer.open({ dir: run });
    t.after(() => producer.close());
    await producer.sendAll(['{"to":"Ada"}', '{}', 'no JSON']);
    assert.deepEqual(await taking.printed(1), ['a letter to Ada']);
    await until('a warning', () => /SigmqWarning: Unexpected token/.test(taking.stderr));
    const auditing = await consumer('audit.mjs');
    await producer.send('to all groups', { queue: 'bulk' });
    assert.deepEqual(await auditing.printed(1), ['bulk to all groups']);
  });

  it('of docs/library.md ask, and take several at a time', async (t) => {
    const { run, consumer, succeed } = await given(t, PAGE);
    await consumer('replier.mjs');
    assert.equal(await succeed('asker.mjs'), '6 0\n');
    const batches = await consumer('batches.mjs');
    const producer = await Producer.open({ dir: run });
    t.after(() => producer.close());
    await producer.sendAll(['a', 'b', 'c'], { queue: 'rows' });
    assert.deepEqual(await batches.printed(1), ['3 rows: a b c']);
  });

  it('are all in these pages', () => {
    const pages = PAGES.filter((page) => page.endsWith('.md')).filter(
      (page) => filesOf(page, '').size > 0,
    );
    assert.deepEqual(pages, ['README.md', PAGE]);
  });
});
