/** `sigmq listen` and `sigmq scope` on a terminal, as a person sees them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { DIST, Stage, until } from '../../e2e/harness.ts';
import { NO_TMUX, Terminal } from './tmux.ts';

const SIGMQ = `${process.execPath} ${join(DIST, 'bin/sigmq.js')}`;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a colour begins with one
const COLOURED = /\u001b\[[0-9;]*3[0-9]m/;

it('sigmq listen draws what comes, and leaves the terminal with the messages', {
  skip: NO_TMUX,
}, async (t) => {
  const stage = new Stage(t);
  const terminal = new Terminal(t, { SIGMQ_DIR: stage.dir, TERM: 'screen', NO_COLOR: '' });
  await terminal.shows(/^\$$/m);
  const begin = async (command: string) => {
    terminal.run(`clear; ${command}`);
    return (await terminal.shows(/PID (\d+)/))[1] ?? '';
  };
  let pid = await begin(`${SIGMQ} listen --vcd ${stage.path('a.vcd')}`);
  await terminal.shows(/Nothing has come yet/);
  await stage.sent(['--pid', pid, 'hello']);
  await terminal.shows(/ node {2}hello\n/);
  await terminal.shows(/weight +1 +2 +4 +8 +16 +32 +64 +128\n/);
  await terminal.shows(/byte +00000000 +0x00 +0 +end\n/);
  assert.match(terminal.colours, COLOURED);

  terminal.resize(200, 60);
  await terminal.shows(/ 1 messages, 208 signals$/m);
  await terminal.shows(/←.*USR1/);
  terminal.resize(80, 24);
  await until('the rows', () => terminal.rows.length === 24);
  await terminal.shows(/^ q quit/m);
  assert.ok(terminal.rows.every((row) => row.length <= 80));

  terminal.press('s');
  await terminal.shows(/slow motion\n[\s\S]*[1-7] of 8 bits/);
  terminal.press('Space');
  await terminal.shows(/ frozen\n/);
  terminal.press('Space');
  await terminal.shows(/ live\n/);

  terminal.press('C-z');
  await terminal.shows(/Stopped/);
  terminal.run('fg');
  await terminal.shows(/ node {2}hello\n/);
  await stage.sent(['--pid', pid, 'again']);
  await terminal.shows(/ node {2}again\n/);

  terminal.press('q');
  await terminal.shows(/^hello\nagain\n\$$/m);
  await terminal.isRestored();

  terminal.run(`clear; ${SIGMQ} scope ${stage.path('a.vcd')}`);
  await terminal.shows(/^a\.vcd: following, 416 signals to process \d+ in/m);
  await terminal.shows(/^USR1 0 +▁*█/m);
  terminal.press('Home');
  await terminal.shows(/├ 0 µs/);
  terminal.press('+');
  terminal.resize(200, 60);
  await until('more strips', () => [...terminal.text.matchAll(/^USR2 1/gm)].length === 7);
  terminal.press('C-c');
  await until('the end', () => !terminal.isAltered);
  terminal.run('echo exit $?');
  await terminal.shows(/^exit 130$/m);
  await terminal.isRestored();
  terminal.resize(80, 24);

  // Without colours; and the end of Ctrl-C.
  pid = await begin(`NO_COLOR=1 ${SIGMQ} listen`);
  await stage.sent(['--pid', pid, 'plain']);
  await terminal.shows(/ node {2}plain\n/);
  assert.doesNotMatch(terminal.colours, COLOURED);
  terminal.press('C-c');
  await terminal.shows(/^plain\n+\$$/m);
  await terminal.isRestored();

  // A terminal that cannot be drawn on gets lines.
  terminal.run(`clear; TERM=dumb ${SIGMQ} listen`);
  pid = (await terminal.shows(/process (\d+) listens/))[1] ?? '';
  await stage.sent(['--pid', pid, '\u001b[31mred']);
  await terminal.shows(/^\\x1b\[31mred$/m);
  assert.equal(terminal.isAltered, false);
  terminal.press('C-c');
  terminal.run(`clear; TERM=dumb ${SIGMQ} scope ${stage.path('a.vcd')} | head -3; echo ok`);
  await terminal.shows(/^416 signals[^\n]*\n\nbyte [\s\S]*\nok$/m);
});

it('sigmq listen in the background prints lines', { skip: NO_TMUX }, async (t) => {
  const stage = new Stage(t);
  const terminal = new Terminal(t, { SIGMQ_DIR: stage.dir, TERM: 'screen' });
  await terminal.shows(/^\$$/m);
  terminal.run(`clear; ${SIGMQ} listen &`);
  const [, pid = ''] = await terminal.shows(/sigmq: process (\d+) listens/);
  assert.equal(terminal.isAltered, false);
  await stage.sent(['--pid', pid, 'hello']);
  await terminal.shows(/^hello$/m);
});

it('sigmq scope follows a recording that begins later', { skip: NO_TMUX }, async (t) => {
  const stage = new Stage(t);
  const terminal = new Terminal(t, { SIGMQ_DIR: stage.dir, TERM: 'screen' });
  await terminal.shows(/^\$$/m);
  terminal.run(`clear; ${SIGMQ} scope ${stage.path('b.vcd')}`);
  await terminal.shows(/b\.vcd: waiting for signals/);
  const listener = stage.sigmq(['listen', '--vcd', stage.path('b.vcd')]);
  await listener.says(/process \d+ listens/);
  await stage.sent(['--pid', String(listener.pid), 'hello']);
  await terminal.shows(/b\.vcd: following, 208 signals/);
  await stage.sent(['--pid', String(listener.pid), 'hello']);
  await terminal.shows(/b\.vcd: following, 416 signals/);
  terminal.press('q');
  await terminal.isRestored();
});
