import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Program, ROOT, Stage, until } from '../e2e/harness.ts';
import { type Block, binOf, writeExecutable } from './page.ts';

/** How a block begins that is not waited for. */
const TERMINAL = /^# in (a terminal of its own|another)\n/;
/** Programs that may not be there, or that would reach beyond this test. */
const STANDINS = {
  convert: 'cp "$1" "$4"',
  ssh: 'shift; SIGMQ_DIR=$HOME/other XDG_STATE_HOME=$HOME/other-state exec "$@"',
  systemctl: 'echo "systemctl $*" >> "$HOME/called"',
  loginctl: 'echo "loginctl $*" >> "$HOME/called"',
};

/** A home with a broker, in which a reader does what a recipe says. */
export class Recipe {
  readonly stage: Stage;
  readonly home: string;
  readonly #t: TestContext;
  readonly #env: NodeJS.ProcessEnv;
  readonly #programs: Program[] = [];

  private constructor(t: TestContext) {
    this.#t = t;
    this.stage = new Stage(t);
    this.home = this.stage.path('home');
    mkdirSync(this.home);
    for (const name of ['a.jpg', 'b.jpg', 'c.jpg']) writeFileSync(join(this.home, name), name);
    symlinkSync(join(ROOT, 'contrib'), join(this.home, 'contrib'));
    this.#env = {
      SIGMQ_DIR: this.stage.dir,
      XDG_STATE_HOME: this.stage.path('state'),
      HOME: this.home,
      PATH: `${binOf(this.stage, STANDINS)}:${process.env.PATH}`,
    };
  }

  static async begin(t: TestContext): Promise<Recipe> {
    const recipe = new Recipe(t);
    await recipe.stage.broker();
    return recipe;
  }

  /** Does it all, and waits until what the page prints has been printed, line by line, by whoever it was. */
  async follow(blocks: readonly Block[]): Promise<void> {
    let before = this.#said();
    for (const { kind, text } of blocks) {
      if (kind === 'text') await this.#prints(text, before);
      if (kind !== 'sh') continue;
      const name = /^#!.*\n# (\w+):/.exec(text)?.[1];
      if (name !== undefined) {
        writeExecutable(join(this.home, name), text);
        continue;
      }
      before = this.#said();
      if (TERMINAL.test(text)) await this.#open(text);
      else await this.type(text);
    }
  }

  /** @returns what it prints, errors too */
  async type(text: string): Promise<string> {
    const { code, stdout, stderr } = await this.#bash(text).ended;
    assert.equal(code, 0, `${text}\n${stdout}${stderr}`);
    return `${stdout}${stderr}`;
  }

  async #open(text: string): Promise<void> {
    // It is this process that is ended after the test.
    const program = this.#bash(text.replace(/^sigmq /m, 'exec sigmq '));
    await program.says(/waits for messages|runs in/);
  }

  async #prints(text: string, before: readonly string[]): Promise<void> {
    const news = () => this.#said().map((said, n) => said.slice(before[n]?.length ?? 0));
    for (const line of text.trimEnd().split('\n')) {
      await until(
        () => `the line "${line}", but there is: ${news().join('\n')}`,
        () => news().some((said) => said.split('\n').some((one) => one.trim() === line.trim())),
      );
    }
  }

  #bash(text: string): Program {
    // A bash that has a socket for stdin and is no other's child takes itself for a login from elsewhere.
    const args = ['--norc', '-euo', 'pipefail', '-c', text];
    const program = new Program(this.#t, 'bash', args, { cwd: this.home, env: this.#env });
    this.#programs.push(program);
    return program;
  }

  /** On each stream of each program so far. */
  #said(): string[] {
    return this.#programs.flatMap(({ stdout, stderr }) => [stdout.toString(), stderr]);
  }
}
