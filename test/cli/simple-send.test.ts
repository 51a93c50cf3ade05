import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Command } from 'commander';
import fc from 'fast-check';
import { sendCommand } from '../../src/cli/send-command.ts';
import { simpleSend } from '../../src/cli/simple-send.ts';

const home = mkdtempSync(join(tmpdir(), 'sigmq-simple-'));
after(() => rmSync(home, { recursive: true }));

/** What commander makes of the same; undefined: it refuses. */
function byCommander(args: readonly string[]) {
  let read: { words: string[]; flags: Record<string, unknown> } | undefined;
  const send = sendCommand()
    .exitOverride()
    .configureOutput({ writeErr() {}, writeOut() {} });
  send.action((words: string[], flags: Record<string, unknown>) => {
    read = { words, flags };
  });
  try {
    new Command('sigmq')
      .exitOverride()
      .addCommand(send)
      .parse(['node', 'sigmq', 'send', ...args]);
  } catch {
    return undefined;
  }
  return read;
}

describe('simpleSend', () => {
  it('reads words, a directory and a queue', () => {
    const env = { HOME: home };
    assert.deepEqual(simpleSend(['hello', 'world'], env), { words: ['hello', 'world'], flags: {} });
    assert.deepEqual(simpleSend(['-q', 'mail', 'a', '--dir', '/run/x', 'b'], env), {
      words: ['a', 'b'],
      flags: { dir: '/run/x', queue: 'mail' },
    });
  });

  it('takes both from the environment, after the command line', () => {
    const env = { HOME: home, SIGMQ_DIR: '/run/y', SIGMQ_QUEUE: 'jobs' };
    assert.deepEqual(simpleSend(['a'], env)?.flags, { dir: '/run/y', queue: 'jobs' });
    assert.deepEqual(simpleSend(['a', '--queue', 'mail', '--dir', 'z'], env)?.flags, {
      dir: 'z',
      queue: 'mail',
    });
    assert.equal(simpleSend(['a'], { ...env, SIGMQ_QUEUE: 'no queue' }), undefined);
  });

  it('leaves what is not there, not right, or has other options', () => {
    for (const args of [
      [],
      ['-'],
      ['--', 'a'],
      ['a', '-q'],
      ['a', '--dir'],
      ['a', '--dir', ''],
      ['a', '-q', ''],
      ['a', '-q', '-l'],
      ['a', '-q', 'no queue'],
      ['a', '--queue=mail'],
      ['a', '-qmail'],
      ['a', '--priority', '1'],
      ['--help'],
      ['-l', 'a'],
    ])
      assert.equal(simpleSend(args, { HOME: home }), undefined, args.join(' '));
  });

  it('leaves everything where a configuration file may say more', () => {
    const configured = join(home, 'configured');
    mkdirSync(join(configured, 'sigmq'), { recursive: true });
    writeFileSync(join(configured, 'sigmq/config.json'), '{}');
    assert.equal(simpleSend(['a'], { HOME: home, XDG_CONFIG_HOME: configured }), undefined);
    writeFileSync(join(home, '.config'), 'in the way of a folder');
    assert.equal(simpleSend(['a'], { HOME: home }), undefined);
    rmSync(join(home, '.config'));
    assert.notEqual(simpleSend(['a'], {}), undefined);
  });

  it('reads the same as commander, if it reads it at all', () => {
    const word = fc.constantFrom('a', 'b c', '', '-', '--', '-x', 'ü', 'help', 'send', 'mail');
    const option = fc.constantFrom('--dir', '--queue', '-q', '-l', '--dir=d', '-qx', '--wait');
    let read = 0;
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 2, arbitrary: word }, option)), (args) => {
        const simple = simpleSend(args, {});
        if (!simple) return;
        read++;
        const { words, flags } = byCommander(args) ?? {};
        assert.deepEqual(words, simple.words);
        assert.deepEqual([flags?.dir, flags?.queue], [simple.flags.dir, simple.flags.queue]);
      }),
      { numRuns: 2000 },
    );
    assert.ok(read > 50, `${read}`);
  });
});
