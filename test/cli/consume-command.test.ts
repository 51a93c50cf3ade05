import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consumeCommand } from '../../src/cli/consume-command.ts';

/** Options that are refused before anything happens. */
const REFUSED: readonly (readonly [args: readonly string[], code: string, what: RegExp])[] = [
  [['--batch=2'], 'needs-command', /--batch needs/],
  [['--reply'], 'needs-command', /--reply needs/],
  [['--job-timeout=1s'], 'needs-command', /--job-timeout needs/],
  [['--linger=1s', '--', 'cat'], 'needs-batch', /--linger is/],
  [['--partial', '--', 'cat'], 'needs-batch', /--partial is/],
  [['--batch=501', '-j2', '--', 'cat'], 'no-such-batch', /more than 1000/],
  [['--batch=2', '--reply', '--', 'cat'], 'no-such-batch', /cannot be combined/],
  [['--batch=2', '--ack-wait=1s', '--', 'cat'], 'no-such-batch', /--linger is not shorter/],
  [['--null', '--', 'cat'], 'format-of-command', /--null says how to print/],
  [['--json', '--batch=2', '--', 'cat'], 'format-of-command', /--json says how to print/],
];

describe('sigmq consume', () => {
  for (const [args, code, message] of REFUSED) {
    it(`refuses ${args.join(' ')}`, async () => {
      const parsing = consumeCommand().exitOverride().parseAsync(args, { from: 'user' });
      await assert.rejects(parsing, { code, message, exitCode: 64 });
    });
  }
});
