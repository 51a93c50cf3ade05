import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { cliErrors } from '../../src/cli/errors.ts';
import { report, say } from '../../src/cli/report.ts';
import { stderrOf } from './fakes.ts';

describe('report', () => {
  it('says what happened and what to do, and gives the exit code', (t) => {
    const text = stderrOf(t);
    assert.equal(report(cliErrors.twoFormats()), 64);
    const { message, hint } = cliErrors.twoFormats();
    assert.equal(text(), `sigmq: ${message} ${hint}\n`);
  });

  it('takes an error of the system for one', (t) => {
    const text = stderrOf(t);
    try {
      readFileSync('/missing');
    } catch (error) {
      assert.equal(report(error), 1);
    }
    assert.match(text(), /^sigmq: ENOENT: .*\.\n$/);
  });

  it('takes everything else for a bug, and shows where', (t) => {
    const text = stderrOf(t);
    assert.equal(report(new Error('oops')), 70);
    assert.match(text(), /^sigmq: This is a bug in sigmq: Error: oops\n {4}at /);
    for (const thrown of ['text', undefined, null, { code: 'x' }]) assert.equal(report(thrown), 70);
  });
});

it('say writes one line', (t) => {
  const text = stderrOf(t);
  say('hello.');
  assert.equal(text(), 'sigmq: hello.\n');
});
