/** sigmq top as a person sees it: in a terminal, a pipe, without colours; and what becomes of the terminal. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { BusFile } from '../../src/link/bus-record.ts';
import { NO_TMUX, Terminal } from '../cli/screen/tmux.ts';
import { DIST, Stage, stopped, until } from './harness.ts';

const TOP = `${process.execPath} ${join(DIST, 'bin/sigmq.js')} top`;

/** A broker with something to see: a dead message, a busy consumer, a queue that waits. */
async function staged(t: TestContext) {
  const stage = new Stage(t);
  await stage.broker(['--memory', '--max-attempts', '1']);
  await stage.sent(['-q', 'bad', 'breaks']);
  await stage.sigmq(['consume', '-q', 'bad', '-c1', '--', 'false']).ended;
  await stage.sent(['-q', 'mail', '--lines'], { stdin: 'letter one\nletter two\n' });
  const consumer = await stage.consumer(['-q', 'mail', '--', 'sleep', '600']);
  await until('the job', async () => {
    const { stdout } = await stage.sigmq(['ls']).ended;
    return /mail +1 +0 +1 /.test(stdout.toString());
  });
  return { stage, consumer };
}

const terminalOf = (t: TestContext, { dir }: Stage, env: NodeJS.ProcessEnv = {}) =>
  new Terminal(t, { SIGMQ_DIR: dir, LC_ALL: 'C.UTF-8', ...env });

describe('sigmq top in a terminal', { skip: NO_TMUX }, () => {
  it('shows what there is, follows the size, obeys its keys, and leaves no trace', async (t) => {
    const { stage, consumer } = await staged(t);
    const terminal = terminalOf(t, stage);
    terminal.run(`clear; echo before; ${TOP}`);
    await terminal.shows(/^sigmq {2}broker \d+, up/);
    await terminal.shows(/^> bad +0 +0 +0 +1 +0 +0 +0/m);
    await terminal.shows(/^ {2}mail +1 +0 +1 +0 +0 +0 +0/m);
    await terminal.shows(new RegExp(`^  ${consumer.pid} +mail +1 +\\d+ +\\S+ sleep 600$`, 'm'));
    assert.match(terminal.rows[23] ?? '', /^q quit/, 'the last row');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is one
    assert.match(terminal.colours, /[;[]7m(?:\x1b\[\d+m)*> bad/);

    terminal.resize(200, 60);
    await until('the last row', () => /^q quit/.test(terminal.rows[59] ?? ''));
    await terminal.shows(/^> bad /m);
    terminal.resize(80, 24);
    await until('the last row', () => /^q quit/.test(terminal.rows[23] ?? ''));

    terminal.press('k');
    await terminal.shows(/^Make the dead messages of bad ready again\? y\/n$/m);
    terminal.press('y');
    await terminal.shows(/^> bad +1 +0 +0 +0 /m);
    terminal.press('Down', 'p');
    await terminal.shows(/^> mail \(paused\) /m);
    terminal.press('r');
    await terminal.shows(/^> mail +1 /m);
    terminal.press('Enter');
    await terminal.shows(
      /^Messages of mail\nID .*\n.*ready .*letter two\n.*reserved .*letter one$/m,
    );
    terminal.press('q', 'Tab', 'Enter');
    await terminal.shows(/^Consumer \d+\ncommand +sleep 600\n(?:.*\n)*.*letter one$/m);
    terminal.press('q', '/', 'b', 'a', 'd', 'Enter');
    await terminal.shows(/^only: bad /m);
    assert.doesNotMatch(terminal.text, /mail/);

    terminal.press('C-z');
    await terminal.shows(/^before\n(?:.*\n)*.*Stopped/m);
    assert.ok(!terminal.isAltered);
    terminal.run('fg');
    await terminal.shows(/^only: bad /m);
    terminal.press('q');
    await terminal.isRestored();
    assert.match(terminal.text, /^before$/m);

    terminal.run(`clear; ${TOP}`);
    await terminal.shows(/^> bad /m);
    terminal.press('C-c');
    await until('the end', () => !terminal.isAltered);
    terminal.run('echo exit $?');
    await terminal.shows(/^exit 130$/m);
    await terminal.isRestored();
  });

  it('goes on when the broker goes and another comes', async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    await stage.sent(['hello']);
    const terminal = terminalOf(t, stage, { NO_COLOR: '1', LC_ALL: 'C' });
    terminal.run(TOP);
    await terminal.shows(/^> default +1 /m);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is one
    assert.doesNotMatch(terminal.colours, /\x1b\[[0-9;]*m/);
    await first.end();
    await terminal.shows(/^sigmq {2}no broker/m);
    await terminal.shows(/^No broker /m);
    const second = await stage.broker();
    await terminal.shows(new RegExp(`^sigmq  broker ${second.pid}`));
    await terminal.shows(/^> default +1 /m);
    terminal.press('q');
    await terminal.isRestored();
  });

  it('speaks in sentences where nothing can be drawn', async (t) => {
    const { stage } = await staged(t);
    const terminal = terminalOf(t, stage);
    terminal.run(`clear; TERM=dumb ${TOP}`);
    await terminal.shows(/^Queue bad: 1 dead; nothing moves$/m);
    terminal.press('C-c');
    await terminal.isRestored();
  });
});

describe('sigmq top elsewhere', () => {
  it('prints one picture with --once', async (t) => {
    const { stage, consumer } = await staged(t);
    const { code, stdout, stderr } = await stage.sigmq(['top', '--once']).ended;
    assert.deepEqual([code, stderr], [0, '']);
    const text = stdout.toString();
    assert.match(text, /^sigmq {2}broker \d+, up .*\nmessages {2}in \d/);
    assert.match(text, /^ {2}mail +1 +0 +1 +0 +0 +0 +0/m);
    assert.match(text, new RegExp(`^  ${consumer.pid} .*sleep 600$`, 'm'));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is one
    assert.doesNotMatch(text, /\x1b| $/m);
  });

  it('speaks in sentences into a pipe, and ends quietly with its reader', async (t) => {
    const { stage } = await staged(t);
    const env = { SIGMQ_DIR: stage.dir };
    const pipe = stage.script('{ $S top; echo exit $? >&2; } | head -n 4', [], { env });
    const { stdout, stderr } = await pipe.ended;
    assert.match(
      stdout.toString(),
      /^Broker \d+, up .*\n2 queues, 1 consumer: .*\nBus: .*\nQueue bad: 1 dead/,
    );
    assert.equal(stderr, 'exit 0\n');
    const plain = await stage.sigmq(['top', '--once', '--plain']).ended;
    assert.match(
      plain.stdout.toString(),
      /^Consumer \d+ of mail: message \d+ of mail for .*; sleep 600$/m,
    );
  });

  it('ends at once, and prints no more, when it is asked to while a question is under way', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker(['--memory']);
    const top = stage.sigmq(['top', '--plain', '--interval', '500ms']);
    await top.printed(3);
    await stopped(broker);
    const bus = new BusFile(stage.path('bus'));
    t.after(() => bus.close());
    await until('the question', () => bus.read().pid === top.pid);
    top.signal('SIGINT');
    const { signal, stdout } = await top.ended;
    assert.equal(signal, 'SIGINT');
    assert.doesNotMatch(stdout.toString(), /closed/);
  });

  it('needs a broker', async (t) => {
    const { code, stderr } = await new Stage(t).sigmq(['top', '--once']).ended;
    assert.equal(code, 69);
    assert.match(stderr, /no broker/i);
  });
});
