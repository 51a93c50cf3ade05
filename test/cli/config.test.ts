import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { applyConfig } from '../../src/cli/config.ts';
import { sigmq } from '../../src/cli/main.ts';
import { tempDir } from '../registry/children.ts';

/** The whole program with a configuration file; gives what the options of a command then are. */
function given(t: TestContext, content: unknown, where = 'XDG_CONFIG_HOME') {
  const home = tempDir(t);
  const folder = join(home, where === 'HOME' ? '.config/sigmq' : 'sigmq');
  mkdirSync(folder, { recursive: true });
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  writeFileSync(join(folder, 'config.json'), text);
  const program = sigmq();
  applyConfig(program, { [where]: home });
  return (name: string) => program.commands.find((command) => command.name() === name)?.opts();
}

describe('applyConfig', () => {
  it('takes options for all commands that have them, and for one', (t) => {
    const options = given(t, { dir: '/d', json: true, send: { dir: '/s', quiet: true } });
    assert.deepEqual(options('consume'), { color: true, dir: '/d', json: true });
    assert.deepEqual(options('send'), { color: true, dir: '/s', json: true, quiet: true });
    assert.equal(options('drain')?.json, undefined);
  });

  it('parses values as those of flags', (t) => {
    const options = given(t, { timeout: '2s', header: ['a:1', 'b:2'], consume: { queue: 'x,y' } });
    assert.equal(options('send')?.timeout, 2000);
    assert.deepEqual(options('send')?.header, [
      ['a', '1'],
      ['b', '2'],
    ]);
    assert.deepEqual(options('consume')?.queue, ['x', 'y']);
    assert.equal(given(t, { 'max-messages': 5 })('broker')?.maxMessages, 5);
  });

  it('is found below $HOME, and not below a relative path', (t) => {
    assert.equal(given(t, { dir: '/d' }, 'HOME')('send')?.dir, '/d');
    const program = sigmq();
    applyConfig(program, { XDG_CONFIG_HOME: 'relative' });
    applyConfig(program, { XDG_CONFIG_HOME: tempDir(t) });
    applyConfig(program, {});
  });

  it('gives way to flags', async (t) => {
    const home = tempDir(t);
    mkdirSync(join(home, 'sigmq'));
    writeFileSync(join(home, 'sigmq/config.json'), '{"log-level":"error","memory":true}');
    const program = sigmq();
    applyConfig(program, { XDG_CONFIG_HOME: home });
    const broker = program.commands.find((command) => command.name() === 'broker');
    broker?.action(() => {});
    await program.parseAsync(['broker', '--log-level', 'debug'], { from: 'user' });
    assert.deepEqual([broker?.opts().logLevel, broker?.opts().memory], ['debug', true]);
  });

  const bad: [content: unknown, message: RegExp][] = [
    ['{', /is not a JSON object/],
    ['[]', /is not a JSON object/],
    ['null', /is not a JSON object/],
    [{ json: 'yes' }, /has a --json that is not true or false/],
    [{ timeout: 'soon' }, /has a bad --timeout: "soon" is not a duration\. .*[^.]\.$/],
    [
      { 'log-level': 'loud' },
      /has a bad --log-level: Allowed choices are debug, info, warn, error\.$/,
    ],
  ];
  for (const [content, message] of bad) {
    it(`refuses ${JSON.stringify(content)}`, (t) => {
      assert.throws(() => given(t, content), { code: 'bad-config', exitCode: 78, message });
    });
  }

  it('refuses a file that cannot be read', (t) => {
    const home = tempDir(t);
    mkdirSync(join(home, 'sigmq/config.json'), { recursive: true });
    assert.throws(() => applyConfig(sigmq(), { XDG_CONFIG_HOME: home }), { code: 'bad-config' });
  });

  it('takes false for what is off anyway', (t) => {
    assert.equal(given(t, { json: false })('send')?.json, undefined);
  });
});
