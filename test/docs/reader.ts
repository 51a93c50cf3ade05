/** A reader who types all commands of a page, from top to bottom, and compares what comes with what the page shows. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Terminal } from '../cli/screen/tmux.ts';
import { Program, Stage, until } from '../e2e/harness.ts';
import { binOf, blocksOf, readPage } from './page.ts';

/**
 * When a shell ends, also half-way, what it has started ends, too. A child that a signal ends before it has become
 * another program runs the same trap, and must not.
 */
const ENDS_ALL = `trap 'if [ "$BASHPID" = "$$" ]; then
  for job in $(jobs -pr) $(jobs -ps); do kill -CONT "$job"; kill "$job"; done
fi' EXIT\n`;
const MARK = '--- next block ---';
/** Where the waves of `sigmq listen` begin: from there on a picture depends on how fast somebody types. */
const WAVES = /^ byte {4}\S|^ byte$/;

/**
 * Follows a page, and asserts that it is true. It has commands (`sh`), and what they print (`text`), in one shell, and,
 * in blocks that say `second`, a terminal beside it, of which is shown what is on its screen.
 */
export async function follow(t: TestContext, path: string): Promise<void> {
  const stage = new Stage(t);
  const env = environment(stage);
  const shell = shellOf(t, stage, env, '-euo', 'pipefail');
  const blocks = blocksOf(readPage(path)).filter(({ kind }) => kind === 'sh' || kind === 'text');
  let second: Terminal | undefined;
  if (blocks.some(({ isSecond }) => isSecond)) {
    second = new Terminal(t, env);
    second.run(`cd '${stage.dir}'; clear`);
  }
  let output = '';
  for (const { kind, isSecond, text } of blocks) {
    const lines = text.trimEnd().split('\n');
    if (isSecond && kind === 'sh') second?.run(lines.join('\n'));
    else if (isSecond && second) await showing(second, lines);
    else if (kind === 'sh') output = await typing(shell, lines);
    else assertInOrder(output.split('\n'), lines);
  }
  shell.child.stdin?.end();
  const { code, stderr } = await shell.ended;
  assert.equal(code, 0, stderr);
}

/** A shell that takes commands from a pipe. */
function shellOf(
  t: TestContext,
  stage: Stage,
  env: NodeJS.ProcessEnv,
  ...options: string[]
): Program {
  const shell = new Program(t, 'bash', options, { cwd: stage.dir, env, stdin: 'open' });
  shell.child.stdin?.write(ENDS_ALL);
  return shell;
}

function environment(stage: Stage) {
  const PATH = `${binOf(stage)}:${process.env.PATH}`;
  return { SIGMQ_DIR: stage.path('run'), XDG_STATE_HOME: stage.path('state'), PATH };
}

/** Types the commands of a page's `console` block, and waits after each for what it prints. */
export async function watch(t: TestContext, path: string): Promise<void> {
  const stage = new Stage(t);
  const shell = shellOf(t, stage, environment(stage));
  shell.child.stdin?.write('exec 2>&1\n');
  const block = /^```console\n(.*?)^```$/ms.exec(readPage(path))?.[1];
  assert.ok(block, `${path} has a session`);
  const told: string[] = [];
  for (const line of block.trimEnd().split('\n')) {
    if (line.startsWith('$ ')) shell.child.stdin?.write(`${line.slice(2)}\n`);
    else {
      told.push(line);
      await until(
        () => `${line}\n${shell.stdout}`,
        () => missing(shell.stdout.toString().split('\n'), told) === undefined,
      );
    }
  }
  await shell.end();
}

/** @returns what the commands print */
async function typing(shell: Program, lines: readonly string[]): Promise<string> {
  const before = shell.stdout.length;
  // In braces, and with an input of their own, so that no program reads the commands after it.
  shell.child.stdin?.write(`{\n${lines.join('\n')}\n} < /dev/null\necho '${MARK}'\n`);
  const printed = () => shell.stdout.subarray(before).toString();
  await until(
    () => `${lines.join('\n')}\n${printed()}${shell.stderr}`,
    () => {
      const { exitCode } = shell.child;
      assert.equal(exitCode, null, `${lines.join('\n')}\n${printed()}${shell.stderr}`);
      return printed().includes(`${MARK}\n`);
    },
  );
  return printed();
}

/** Waits until the terminal shows these lines. */
async function showing(terminal: Terminal, lines: readonly string[]): Promise<void> {
  const waves = lines.findIndex((line) => WAVES.test(line));
  const wanted = waves < 0 ? lines : lines.slice(0, waves);
  await until(
    () => `${wanted.join('\n')}\non the screen, which shows:\n${terminal.text}`,
    () => missing(terminal.rows, wanted) === undefined,
  );
}

function assertInOrder(got: readonly string[], wanted: readonly string[]): void {
  const line = missing(got, wanted);
  assert.equal(line, undefined, `the page shows "${line}", which is not in:\n${got.join('\n')}`);
}

/** @returns the first line that is not there, after those before it */
function missing(got: readonly string[], wanted: readonly string[]): string | undefined {
  let at = 0;
  for (const line of wanted) {
    const found = got.slice(at).findIndex((one) => named(one) === named(line));
    if (found < 0) return line;
    at += found + 1;
  }
  return undefined;
}

/** Without what is different each time: PIDs, the time of day, directories, and how much of a line PIDs leave. */
function named(line: string): string {
  return line
    .replace(/ +live\b.*/, ' live')
    .replace(/\d\d:\d\d:\d\d {2}\d+/, 'TIME PID')
    .replace(/(PID|from|--pid|-USR1|broker|consumer) \d+/g, '$1 PID')
    .replace(/ in [/~][^ ;]*/g, ' in DIR')
    .trimEnd();
}
