// Runs each command once and keeps the code that V8 has compiled by then, for scripts/launcher.cjs: a third of the start
// of `sigmq send` would go into compiling. Only the same version of V8 takes it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const keep = join(root, 'scripts/keep-code.cjs');
const dir = mkdtempSync(join(tmpdir(), 'sigmq-build-'));

/** @param {string} kept the name of the file for its code @param {string} name @param {string[]} args */
function start(kept, name, ...args) {
  const SIGMQ_KEEP_CODE = join(root, 'dist/cli', `${kept}.cache`);
  const env = { ...process.env, SIGMQ_DIR: dir, NODE_V8_COVERAGE: '', SIGMQ_KEEP_CODE };
  const path = join(root, 'dist/bin', `${name}.js`);
  const child = spawn(process.execPath, ['--require', keep, path, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const running = { child, said: '', ended: once(child, 'close') };
  child.stderr.on('data', (text) => {
    running.said += text;
  });
  return running;
}

async function says(running, text) {
  const { child, ended } = running;
  while (!running.said.includes(text)) {
    const more = await Promise.race([once(child.stderr, 'data'), ended.then(() => false)]);
    if (!more) throw new Error(`code-cache: ended early: ${running.said}`);
  }
}

async function run(kept, name, ...args) {
  const running = start(kept, name, ...args);
  const [code] = await running.ended;
  if (code !== 0) throw new Error(`code-cache: ${name} ${args.join(' ')}: ${running.said}`);
}

try {
  const broker = start('broker', 'sigmq', 'broker', '--memory');
  await says(broker, 'runs in');
  await run('send', 'sigmq', 'send', 'hello');
  await run('consume', 'sigmq', 'consume', '--count', '1');
  await run('status', 'sigmq', 'status');
  await run('sigmq', 'sigmq', '--version');
  await run('sigmq-producer', 'sigmq-producer', 'hello');
  await run('sigmq-consumer', 'sigmq-consumer', '--count', '1');
  broker.child.kill('SIGTERM');
  await broker.ended;
  const other = start('sigmq-broker', 'sigmq-broker', '--memory');
  await says(other, 'runs in');
  other.child.kill('SIGTERM');
  await other.ended;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
