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

/** @param kept the name of the file for its code */
function start(kept, name, ...args) {
  const SIGMQ_KEEP_CODE = join(root, 'dist/cli', `${kept}.cache`);
  const env = { ...process.env, SIGMQ_DIR: dir, NODE_V8_COVERAGE: '', SIGMQ_KEEP_CODE };
  const path = join(root, 'dist/bin', `${name}.js`);
  const stdio = ['ignore', 'ignore', 'pipe'];
  const child = spawn(process.execPath, ['--require', keep, path, ...args], { env, stdio });
  child.said = '';
  child.stderr.on('data', (text) => {
    child.said += text;
  });
  child.ended = once(child, 'close');
  return child;
}

async function says(child, text) {
  while (!child.said.includes(text)) {
    const more = await Promise.race([once(child.stderr, 'data'), child.ended.then(() => false)]);
    if (!more) throw new Error(`code-cache: ended early: ${child.said}`);
  }
}

async function run(kept, name, ...args) {
  const child = start(kept, name, ...args);
  const [code] = await child.ended;
  if (code !== 0) throw new Error(`code-cache: ${name} ${args.join(' ')}: ${child.said}`);
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
  broker.kill('SIGTERM');
  await broker.ended;
  const other = start('sigmq-broker', 'sigmq-broker', '--memory');
  await says(other, 'runs in');
  other.kill('SIGTERM');
  await other.ended;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
