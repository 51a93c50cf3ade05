import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { NotDone } from '../../src/cli/job-errors.ts';
import { replyTo } from '../../src/cli/replying.ts';
import { Runner } from '../../src/cli/runner.ts';
import { DeliveredMessage } from '../../src/client/message.ts';
import type { Told, Verb } from '../../src/link/settlement.ts';
import { tempDir } from '../registry/children.ts';
import { messageOf } from './fakes.ts';

/** Runs a script for a message that somebody asks; what the broker was told, and what was thrown. */
async function answered(t: TestContext, script: string, max = 1000, timeoutMs?: number) {
  const said: { verb: Verb; told: Told | undefined }[] = [];
  const content = { ...messageOf('x', { isAsked: true }), body: Buffer.from('body') };
  const message = new DeliveredMessage(content, async (verb, told) => {
    said.push({ verb, told });
    return true;
  });
  const runner = new Runner({
    ...{ command: ['sh', '-c', script], folder: tempDir(t), timeoutMs, onHopeless: () => {} },
  });
  let failure: NotDone | undefined;
  try {
    await replyTo(message, runner, () => max);
  } catch (error) {
    failure = error as NotDone;
    await failure.settle(message);
  }
  const [{ verb, told } = assert.fail('nothing was said')] = said;
  const reply = told?.reply && Buffer.from(told.reply).toString();
  return [verb, told?.exitCode, reply, failure?.ending];
}

describe('consume --reply', () => {
  for (const [script, expected] of [
    ['cat', ['d', 0, 'body', undefined]],
    ['printf "a\\0b"; exit 7', ['d', 7, 'a\0b', undefined]],
    ['exit 255', ['d', 255, '', undefined]],
    // As a shell tells of a signal: it has ended by itself.
    ['echo a; exit 139', ['d', 139, 'a\n', undefined]],
    ['echo >/dev/stdout; echo b >>/dev/stdout', ['d', 0, '\nb\n', undefined]],
    ['echo no; exit 65', ['x', 65, undefined, 'reject']],
    ['echo no; exit 75', ['r', 75, undefined, 'release']],
    ['echo no; kill -9 $$', ['f', 137, undefined, 'fail']],
    // What it leaves behind holds its output open.
    ['echo a; sleep 1 & echo b', ['d', 0, 'a\nb\n', undefined]],
  ] as const) {
    it(`${script}: ${expected.slice(0, 2).join(' ')}`, async (t) => {
      assert.deepEqual(await answered(t, script), expected);
    });
  }

  it('ends a command that writes more than a reply may have', async (t) => {
    assert.deepEqual(await answered(t, 'yes', 1000), ['x', 65, undefined, 'reject']);
    assert.deepEqual(await answered(t, 'printf 12345', 4), ['x', 65, undefined, 'reject']);
    assert.deepEqual(await answered(t, 'printf 1234', 4), ['d', 0, '1234', undefined]);
  });

  it('takes a command that is ended by --job-timeout for one that has not replied', async (t) => {
    assert.deepEqual(await answered(t, 'echo a; sleep 60', 1000, 50), [
      'f',
      124,
      undefined,
      'fail',
    ]);
  });
});
