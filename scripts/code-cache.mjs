// Runs each executable once and keeps the code that V8 has compiled by then beside its source, for
// scripts/launcher.cjs: a third of the start of `sigmq send` would go into compiling. Only the same version
// of V8 takes it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const keep = join(root, 'scripts/keep-code.cjs');
const dir = mkdtempSync(join(tmpdir(), 'sigmq-build-'));
const env = { ...process.env, SIGMQ_DIR: dir, NODE_V8_COVERAGE: '' };

function start(name, ...args) {
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

async function run(name, ...args) {
  const child = start(name, ...args);
  const [code] = await child.ended;
  if (code !== 0) throw new Error(`code-cache: ${name} ${args.join(' ')}: ${child.said}`);
}

try {
  for (const [broker, consume, send] of [
    [['sigmq-broker'], ['sigmq-consumer'], ['sigmq-producer']],
    [
      ['sigmq', 'broker'],
      ['sigmq', 'consume'],
      ['sigmq', 'send'],
    ],
  ]) {
    const running = start(...broker, '--memory');
    await says(running, 'runs in');
    await run(...send, 'hello');
    await run(...consume, '--count', '1');
    if (broker.length > 1) await run('sigmq', 'status');
    running.kill('SIGTERM');
    await running.ended;
  }
  // Last, because it starts most often: what belongs to `sigmq` itself is as `send` needs it.
  const running = start('sigmq', 'broker', '--memory');
  await says(running, 'runs in');
  const sent = run('sigmq', 'send', 'hello');
  await sent;
  running.kill('SIGKILL');
  await running.ended;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
