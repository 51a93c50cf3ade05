import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LEVELS, log } from '../../src/cli/log.ts';
import { stderrOf } from './fakes.ts';

describe('log', () => {
  for (const [at, logLevel] of LEVELS.entries()) {
    it(`says at ${logLevel} what is at least that`, (t) => {
      const text = stderrOf(t);
      const tell = log({ logLevel, logFormat: 'json' });
      for (const level of LEVELS) tell(level, `a "${level}"`);
      const lines = text()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        lines.map(({ level, message }) => [level, message]),
        LEVELS.slice(at).map((level) => [level, `a "${level}"`]),
      );
      assert.ok(lines.every(({ time }) => new Date(time).toISOString() === time));
    });
  }

  it('is sentences, with the level where it matters', (t) => {
    const text = stderrOf(t);
    const tell = log({ logLevel: 'debug', logFormat: 'text' });
    for (const level of LEVELS) tell(level, 'It is so.');
    assert.equal(
      text(),
      ['It is so.', 'It is so.', 'warn: It is so.', 'error: It is so.', '']
        .map((line) => line && `sigmq: ${line}`)
        .join('\n'),
    );
  });
});
