/** A terminal that a test can look at: a tmux server of its own, with a shell in it. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { until } from '../../e2e/harness.ts';
import { endAfter } from '../../end-after.ts';

/** Why the tests of terminals are left out; false: they are not. */
export const NO_TMUX: string | false =
  spawnSync('tmux', ['-V']).status === 0 ? false : 'SKIPPED: tmux is not installed';

let servers = 0;

export class Terminal {
  readonly #server = `sigmq-test-${process.pid}-${servers++}`;

  /** @param env for the shell, besides that of this process */
  constructor(t: TestContext, env: NodeJS.ProcessEnv = {}, columns = 80, rows = 24) {
    const size = ['-x', String(columns), '-y', String(rows)];
    execFileSync(
      'tmux',
      ['-L', this.#server, '-f', '/dev/null', 'new-session', '-d', ...size, 'bash --norc -i'],
      // chalk takes CI for a reason not to colour.
      { env: { ...process.env, CI: undefined, HOME: '/nowhere', TMUX: '', ...env } },
    );
    endAfter(t, () => this.#tmux('kill-server'));
    this.run("PS1='$ '; clear");
  }

  /** What is on the screen: a line per row, without spaces at their ends. */
  get rows(): string[] {
    return this.#tmux('capture-pane', '-p').split('\n').slice(0, -1);
  }

  get text(): string {
    return this.rows.join('\n');
  }

  /** With the attributes of the text as escape sequences. */
  get colours(): string {
    return this.#tmux('capture-pane', '-p', '-e');
  }

  /** Waits until the screen shows this. */
  async shows(what: RegExp): Promise<RegExpExecArray> {
    return until(
      () => `${what} on the screen, which shows:\n${this.text}`,
      () => what.exec(this.text) ?? undefined,
    );
  }

  /** Types a command and the Enter key. */
  run(command: string): void {
    this.#tmux('send-keys', '-l', command);
    this.press('Enter');
  }

  /** Presses keys, by the names that tmux has for them. */
  press(...keys: string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Whether a program has the second screen, the cursor is hidden, or lines are not wrapped. */
  get isAltered(): boolean {
    const flags = '#{alternate_on} #{cursor_flag} #{wrap_flag}';
    return this.#tmux('display-message', '-p', flags).trim() !== '0 1 1';
  }

  /** Asserts that the terminal is as a shell wants it, echo and all. */
  async isRestored(): Promise<void> {
    await until('the first screen', () => !this.isAltered);
    const nonce = `w${Math.random().toString().slice(2, 8)}`;
    // On one line: between two, a shell may say that a job has ended.
    this.run(`echo ${nonce} $(stty -a | grep -cwE -e '-(echo|icanon|isig)')`);
    await this.shows(new RegExp(`^${nonce} 0$`, 'm'));
    assert.match(this.text, new RegExp(`echo ${nonce}`), 'what is typed is seen');
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.#server, ...args], { encoding: 'utf8' });
  }
}
