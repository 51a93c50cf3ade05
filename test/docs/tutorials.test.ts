/** Every command of the tutorials and of the README's session, as a reader types them, and everything that they show. */
import { describe, it } from 'node:test';
import { loadAddon } from '../../src/signals/addon.ts';
import { NO_TMUX } from '../cli/screen/tmux.ts';
import { follow, watch } from './reader.ts';

describe('docs/tutorial.md', { skip: loadAddon().why ?? NO_TMUX }, () => {
  it('does what it says', (t) => follow(t, 'docs/tutorial.md'));
});

describe('docs/from-kill-to-queue.md', { skip: loadAddon().why ?? false }, () => {
  it('does what it says', (t) => follow(t, 'docs/from-kill-to-queue.md'));
});

describe('README.md', { skip: loadAddon().why ?? false }, () => {
  it('shows what three commands print', (t) => watch(t, 'README.md'));
});
