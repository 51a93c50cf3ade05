import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { bareSigmq } from '../../src/cli/common.ts';
import { applyConfig, warningsOf } from '../../src/cli/config.ts';
import { sendCommand } from '../../src/cli/send-command.ts';
import { sigmq } from '../../src/cli/sigmq.ts';
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

/** The warnings, each without the path. */
function warned(t: TestContext, content: unknown, program = sigmq()): string[] {
  const home = tempDir(t);
  mkdirSync(join(home, 'sigmq'));
  const path = join(home, 'sigmq/config.json');
  writeFileSync(path, JSON.stringify(content));
  const unread = applyConfig(program, { XDG_CONFIG_HOME: home });
  const warnings = unread ? warningsOf(unread, sigmq()) : [];
  return warnings.map((warning) => warning.replace(`warning: ${path} has `, ''));
}

describe('applyConfig', () => {
  it('takes options for all commands that have them, and for one', (t) => {
    const options = given(t, { dir: '/d', json: true, send: { dir: '/s', quiet: true } });
    const usual = { color: true, compress: true, json: true };
    assert.deepEqual(options('consume'), { ...usual, dir: '/d' });
    assert.deepEqual(options('send'), { ...usual, dir: '/s', quiet: true });
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

  it('tells an option from a command of the same name', (t) => {
    const options = given(t, { group: 'audit', ls: { json: true } });
    assert.equal(options('consume')?.group, 'audit');
    assert.equal(options('ls')?.json, true);
    const section = { group: { ls: { json: true } }, consume: { group: 'a' } };
    assert.equal(given(t, section)('consume')?.group, 'a');
    assert.equal(given(t, { group: section.group })('consume')?.group, undefined);
    assert.deepEqual(warned(t, section), []);
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
    [{ 'max-size': {} }, /has a bad --max-size: It is not a string, a number, true or false\.$/],
    [{ send: 5 }, /has a section send that is not an object of options\.$/],
    [{ dead: { ls: null } }, /has a section ls that is not an object of options\.$/],
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

  it('has a section and an option of the same name', (t) => {
    const queues = { queue: 'q', 'max-attempts': 3 };
    assert.equal(given(t, queues)('send')?.queue, 'q');
    const section = given(t, { queue: { ls: { json: true } } });
    assert.equal(section('send')?.queue, undefined);
    assert.deepEqual(warned(t, { queue: { ls: { json: true } } }), []);
  });

  it('names what is not an option, and what was probably meant', (t) => {
    assert.deepEqual(warned(t, { queue: 'q', dead: { ls: { count: 1 }, queue: 'q' } }), []);
    assert.deepEqual(warned(t, { qeue: 'q', dead: { ls: { cuont: 1 } }, send: { memory: true } }), [
      '"qeue", which is not an option. Did you mean "queue"?',
      '"dead.ls.cuont", which is not an option. Did you mean "count"?',
      '"send.memory", which is not an option.',
    ]);
    assert.deepEqual(warned(t, { xyzzy: 1, sned: {}, __proto__x: 1 }), [
      '"xyzzy", which is not an option.',
      '"sned", which is not an option. Did you mean "send"?',
      '"__proto__x", which is not an option.',
    ]);
  });

  it('knows the options of all commands when it has only one', (t) => {
    const one = () => bareSigmq().addCommand(sendCommand());
    assert.deepEqual(warned(t, { memory: true, 'max-szie': 1 }, one()), [
      '"max-szie", which is not an option. Did you mean "max-size"?',
    ]);
    assert.deepEqual(warned(t, { memory: true, peek: { state: 'dead' } }, one()), []);
  });

  it('takes a section below another command for that one only', (t) => {
    const program = sigmq();
    warned(t, { ls: { json: true }, dead: { dir: '/d', ls: { count: 7 } } }, program);
    const dead = program.commands.find((command) => command.name() === 'dead');
    const options = dead?.commands.map((command) => command.opts());
    assert.deepEqual(options?.[0], { color: true, dir: '/d', queue: 'default', count: 7 });
    assert.deepEqual(options?.[1], { color: true, dir: '/d', queue: 'default' });
  });

  it('turns colours off', (t) => {
    assert.equal(given(t, { 'no-color': true })('ls')?.color, false);
    assert.equal(given(t, { 'no-color': false })('ls')?.color, true);
    const { compress } = given(t, { send: { 'no-compress': true } })('send') ?? {};
    assert.equal(compress, false);
  });

  it('applies a section to the executable that is that command', (t) => {
    const program = sendCommand('sigmq-producer');
    assert.deepEqual(warned(t, { send: { queue: 'q' }, queue: 'other' }, program), []);
    assert.equal(program.opts().queue, 'q');
  });

  it('is replaced, not added to, by the environment and by flags', async (t) => {
    for (const [args, env, queues] of [
      [[], undefined, ['a', 'b']],
      [['-q', 'c', '-q', 'd'], undefined, ['c', 'd']],
      [[], 'e', ['e']],
      [['-q', 'c'], 'e', ['c']],
    ] as const) {
      const program = sigmq();
      warned(t, { queue: ['a', 'b'] }, program);
      const consume = program.commands.find((command) => command.name() === 'consume');
      consume?.action(() => {});
      delete process.env.SIGMQ_QUEUE;
      if (env !== undefined) process.env.SIGMQ_QUEUE = env;
      await program.parseAsync(['consume', ...args], { from: 'user' });
      delete process.env.SIGMQ_QUEUE;
      assert.deepEqual(consume?.opts().queue, queues);
    }
  });

  it('takes false for what is off anyway', (t) => {
    assert.equal(given(t, { json: false })('send')?.json, undefined);
  });
});
