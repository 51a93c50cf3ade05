/** The terminal driver as a person sees it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { ROOT, until } from '../../e2e/harness.ts';
import { NO_TMUX, Terminal } from './tmux.ts';

const FIXTURE = `${process.execPath} ${join(ROOT, 'test/fixtures/screen.mjs')}`;

it('a screen is drawn, follows the size, and leaves the terminal as it was', {
  skip: NO_TMUX,
}, async (t) => {
  const terminal = new Terminal(t);
  await terminal.shows(/^\$$/m);
  const begin = async () => {
    terminal.run(`clear; echo before; ${FIXTURE}`);
    await terminal.shows(/^size /);
  };
  await begin();
  assert.equal(terminal.rows[1], '█'.repeat(80), 'cut, not wrapped');
  assert.equal(terminal.rows[23], 'last row');
  terminal.press('Up');
  await terminal.shows(/^size 80x24 key up\n/);
  terminal.resize(200, 60);
  await terminal.shows(/^size 200x60 key up\n█{200}\n(?:\n){57}last row$/);
  terminal.resize(80, 24);
  await terminal.shows(/^size 80x24 key up\n█{80}\n/);

  terminal.press('C-z');
  await terminal.shows(/^before\n\^?Z?\n?\[1\]\+\s+Stopped/m);
  assert.equal(terminal.isAltered, false, 'stopped');
  terminal.resize(100, 30);
  terminal.run('fg');
  await terminal.shows(/^size 100x30 key up\n█{100}\n/);
  terminal.press('x');
  await terminal.shows(/^size 100x30 key x/);
  terminal.resize(80, 24);

  terminal.press('q');
  await terminal.shows(/^ended by q\n\$/m);
  await terminal.isRestored();

  await begin();
  terminal.press('C-c');
  await until('the end', () => !terminal.isAltered);
  terminal.run('echo exit $?');
  await terminal.shows(/^exit 130$/m);
  await terminal.isRestored();

  await begin();
  terminal.press('!');
  await terminal.shows(/Error: thrown/);
  await terminal.isRestored();

  // In the background it waits for its turn.
  await begin();
  terminal.press('C-z');
  await terminal.shows(/Stopped/);
  terminal.run('bg; until jobs | grep -q Stopped; do sleep .05; done; echo stopped');
  await terminal.shows(/^stopped$/m);
  terminal.run('jobs; kill %1; wait; echo killed');
  await terminal.shows(/\[1\]\+\s+Stopped.*\n(?:.*\n)*killed\n/);
  await terminal.isRestored();
});
