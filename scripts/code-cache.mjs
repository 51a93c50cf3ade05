// Runs each executable once and keeps the code that V8 has compiled by then beside its source, for
// bin/launcher.cjs: a third of the start of `sigmq send` would go into compiling. Only the same version
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

async function run(name, ...args) {
  const running = start(name, ...args);
  const [code] = await running.ended;
  if (code !== 0) throw new Error(`code-cache: ${name} ${args.join(' ')}: ${running.said}`);
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
    await run(...send, '--priority', '0', 'hello');
    await run(...consume, '--count', '1');
    await run(...send, 'hello');
    await run(...consume, '--count', '1');
    if (broker.length > 1) {
      await run('sigmq', 'status');
      const worker = run('sigmq', 'consume', '--reply', '--count', '1', '--', 'true');
      await run('sigmq', 'ask', 'hello');
      await worker;
    }
    running.child.kill('SIGTERM');
    await running.ended;
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
