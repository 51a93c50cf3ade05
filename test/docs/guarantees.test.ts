/** The page of guarantees is no better than its tests. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../e2e/harness.ts';
import { readPage } from './page.ts';

const page = readPage('docs/guarantees.md');
/** What is said of the world, and of what checks the page itself. */
const claims = page.slice(page.indexOf('\n## '), page.indexOf('## How it is checked'));
const LINK = /\[✓\]\(([^ )]+) "([^"]+)"\)/g;
/** The paragraphs in which nothing of ours is claimed: what disks, clocks and readers of the page do. */
const NOT_OURS = [
  'operating system crashes, power fails',
  'a backup is restored |',
  'disk destroyed',
  'Reservations and settlements are never flushed on their own',
  'the operating system crashed before',
  'it is a *plain* consumer and the broker was killed',
  '**A message is delivered twice** only for one of these reasons',
];

/** Paragraphs, items and rows, each with its links. */
const blocks = claims
  .split(/\n\n|\n(?=[-|]|\d+\. )/)
  .map((block) => block.trim())
  .filter((block) => block !== '' && !/^#|^\|-|^\| (what happens|a message that was)/.test(block));

describe('docs/guarantees.md', () => {
  it('names a test that exists for whatever it says', () => {
    for (const [, path = '', name = ''] of page.matchAll(LINK)) {
      const file = join(ROOT, 'docs', path);
      assert.ok(existsSync(file), `there is no ${path}`);
      const source = readFileSync(file, 'utf8');
      assert.ok(source.includes(name), `${path} has no test "${name}"`);
    }
  });

  for (const block of blocks) {
    const start = block.replace(LINK, '').slice(0, 60).replaceAll('\n', ' ');
    if (NOT_OURS.some((words) => block.includes(words))) continue;
    it(`shows: ${start}`, () => assert.match(block, /\[✓\]/));
  }
});
