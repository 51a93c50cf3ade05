/** Figures in words are those of the code; speeds stand where the command that measures them writes them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../../src/codec/limits.ts';
import { MAX_QUEUES } from '../../src/options/kinds.ts';
import { MAX_JOBS } from '../../src/options/values.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { ROOT } from './harness.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const number = (value: number) => value.toLocaleString('en-US');

describe('figures', () => {
  it('of speed are in docs/benchmarks.md only', () => {
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
    const pages = readdirSync(join(ROOT, 'docs')).filter((name) => name !== 'benchmarks.md');
    const paths = [
      ...['README.md', 'CHANGELOG.md'],
      ...pages.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
      ...sources.filter((name) => name.endsWith('.ts')).map((name) => `src/${name}`),
    ];
    const speed = /\d (bits|times|messages|wake-ups) a second|\d (bits|messages)\/s/;
    assert.deepEqual(
      paths.filter((path) => speed.test(read(path))),
      [],
    );
  });

  it('of limits are those of the code', () => {
    const guarantees = read('docs/guarantees.md');
    assert.ok(guarantees.includes(`\`--max-messages\` (${number(DEFAULT_POLICY.maxMessages)})`));
    assert.ok(guarantees.includes(`\`--max-bytes\` (${DEFAULT_POLICY.maxBytes / 2 ** 30} GiB`));
    assert.ok(guarantees.includes(`\`--max-attempts\` (${DEFAULT_POLICY.maxAttempts})`));
    assert.ok(read('README.md').includes(`limited to ${DEFAULT_MAX_MESSAGE_BYTES / 1024} KiB`));
    const library = read('docs/library.md');
    assert.ok(library.includes(`| \`jobs\` | 1 to ${MAX_JOBS} |`));
    assert.ok(library.includes(`up to ${MAX_QUEUES} of them`));
    assert.ok(
      read('docs/security.md').includes(`${MAX_JOBS} each (\`jobs\`), ${MAX_QUEUES} queues`),
    );
  });
});
