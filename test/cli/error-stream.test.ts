import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { tempDir, until } from '../registry/children.ts';

const MODULE = new URL('../../src/cli/error-stream.js', import.meta.url).href;
const LINES = 3000;
/** Writes that many lines of 100 bytes to stderr, says so on stdout, and one more after each line of stdin. */
const PROGRAM = `import { ErrorStream } from ${JSON.stringify(MODULE)};
const stream = new ErrorStream((count) => count + ' are missing\\n');
for (let n = 0; n < ${LINES}; n++) stream.write(String(n).padEnd(99) + '\\n');
console.log('written');
process.stdin.on('data', () => stream.write('more\\n'));
process.stdin.on('end', () => stream.flush());`;

function program(t: TestContext, stderr: number) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['pipe', 'pipe', stderr],
  });
  t.after(() => child.kill());
  const written = new Promise((resolve) => child.stdout?.once('data', resolve));
  return { child, written };
}

it('ErrorStream goes on while nobody reads, and then says how many lines are missing', async (t) => {
  const path = join(tempDir(t), 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, 'w');
  t.after(() => [reader, writer].map((fd) => closeSync(fd)));
  const { child, written } = program(t, writer);
  await written;
  let text = '';
  const bytes = Buffer.alloc(1 << 16);
  await until(() => {
    try {
      text += bytes.toString('latin1', 0, readSync(reader, bytes));
    } catch {
      // nothing at the moment
    }
    return / are missing\n/.test(text);
  });
  const lines = text.trimEnd().split('\n');
  const missing = Number.parseInt(lines.at(-1) ?? '', 10);
  assert.equal(lines.length - 1 + missing, LINES);
  assert.deepEqual(
    lines.slice(0, -1).map((line) => line.trimEnd()),
    lines.slice(0, -1).map((_, n) => String(n)),
  );
  child.stdin?.end('x');
  await until(() => {
    try {
      return bytes.toString('latin1', 0, readSync(reader, bytes)) === 'more\n';
    } catch {
      return false;
    }
  });
});

it('ErrorStream writes all to a file', async (t) => {
  const path = join(tempDir(t), 'log');
  const file = openSync(path, 'w');
  t.after(() => closeSync(file));
  const { written } = program(t, file);
  await written;
  assert.equal(readFileSync(path, 'latin1').split('\n').length, LINES + 1);
});
