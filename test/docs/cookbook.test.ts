/** Every recipe of docs/cookbook.md, as a reader follows it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../e2e/harness.ts';
import { assertUnderstood, wordsOf } from './command-lines.ts';
import { blocksOf, readPage, sectionsOf } from './page.ts';
import { Recipe } from './recipe.ts';
import { needsSystemd, verified } from './systemd.ts';

const page = readPage('docs/cookbook.md');
/** Needs more than this machine: its command line is read only. */
const NOT_RUN = 'Several hosts';
/** Have more to them than what is typed: they have tests of their own. */
const SERVICE = 'Run it as a service';
const CRON = 'Every morning: cron and systemd timers';
/** Nobody waits for a minute here. */
const sections = sectionsOf(page.replace('--backoff 1m', '--backoff 1ms'));
const hasSqlite = spawnSync('sqlite3', ['--version']).status === 0;

function blocksIn(title: string) {
  return blocksOf(sections.find((section) => section.title === title)?.text ?? '');
}

describe('the cookbook', () => {
  for (const { title, text } of sections) {
    const blocks = blocksOf(text);
    if ([NOT_RUN, SERVICE, CRON].includes(title) || !blocks.some(({ kind }) => kind === 'sh'))
      continue;
    const skip = text.includes('sqlite3') && !hasSqlite && 'SKIPPED: sqlite3 is not installed';
    it(title, { skip }, async (t) => {
      const recipe = await Recipe.begin(t);
      await recipe.follow(blocks);
    });
  }

  it('has cron and systemd send what is sent by hand', async (t) => {
    const recipe = await Recipe.begin(t);
    const blocks = blocksIn(CRON);
    const crontab = blocks.find(({ kind }) => kind === 'crontab')?.text ?? '';
    const unit = blocks.find(({ text }) => text.includes('[Service]'))?.text ?? '';
    const cron = /^0 6 \* \* 1-5 {2}(.+)$/m.exec(crontab)?.[1] ?? assert.fail(crontab);
    const service = /^ExecStart=(.+)$/m.exec(unit)?.[1] ?? assert.fail(unit);
    await recipe.follow(blocks);
    assert.equal(await recipe.type(cron), '');
    assert.match(await recipe.type(service), /not stored: message 1 stands for this key/);
    assert.equal(await recipe.type('sigmq peek reports | grep -c morning'), '1\n');
  });

  it('has a timer that systemd understands', needsSystemd, (t) => {
    const units = (change = (unit: string) => unit) => {
      const files = blocksIn(CRON).filter(({ kind }) => kind === 'ini');
      const names = files.map(
        ({ text }) => /^# ~\/.config\/systemd\/user\/(\S+)\n/.exec(text)?.[1],
      );
      assert.deepEqual(names, ['report.service', 'report.timer']);
      return Object.fromEntries(files.map(({ text }, n) => [names[n], change(text)]));
    };
    assert.equal(verified(t, units()), '');
    const wrong = units((unit) => unit.replace('Mon..Fri', 'Mon..Fry'));
    assert.notEqual(verified(t, wrong), '');
  });

  it('starts units that there are', async (t) => {
    const recipe = await Recipe.begin(t);
    await recipe.follow(blocksIn(SERVICE));
    const called = readFileSync(join(recipe.home, 'called'), 'utf8');
    const [, names = ''] = /enable --now (.*)/.exec(called) ?? [];
    const files = names.split(' ').map((name) => `${name.replace(/@.*/, '@')}.service`);
    assert.equal(files.length, 2);
    for (const file of files) {
      assert.ok(existsSync(join(recipe.home, '.config/systemd/user', file)), file);
    }
  });

  it('names commands and options that there are, and in tables too', () => {
    const prose = page.replaceAll(/^```.*?^```$/gms, '');
    const spans = [...prose.matchAll(/`(sigmq [^`]+)`/g)].map(([, line = '']) => line);
    const typed = blocksIn(NOT_RUN);
    const lines = [...spans, ...typed.map(({ text }) => text.replace(/ +# .*\n/, ''))];
    assert.ok(lines.length > 40);
    for (const line of lines) assertUnderstood(wordsOf(line));
  });

  it('links to what there is', () => {
    const anchors = sections.map(({ title }) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    for (const [, path = '', anchor = ''] of page.matchAll(/\]\(([^)#]*)#?([^)]*)\)/g)) {
      if (path === '') assert.ok(anchors.includes(anchor), anchor);
      else assert.ok(existsSync(join(ROOT, 'docs', path)), path);
    }
  });
});
