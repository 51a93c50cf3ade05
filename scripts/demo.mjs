// `npm run demo`: a broker and two consumers in a temporary runtime directory, six messages, and everybody
// goes home. Shows what each program prints; exits 0 when the messages arrived in turn.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const bin = join(dirname(fileURLToPath(import.meta.url)), '../dist/bin/sigmq.js');
const dir = mkdtempSync(join(tmpdir(), 'sigmq-demo-'));
const env = { ...process.env, SIGMQ_DIR: dir, XDG_STATE_HOME: join(dir, 'state') };
const running = [];
/** Called whenever a program has printed something. */
let look = () => {};

function start(name, args) {
  const child = spawn(process.execPath, [bin, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const program = {
    child,
    name,
    /** @type {string[]} */
    out: [],
    /** @type {string[]} */
    err: [],
    ended: once(child, 'exit'),
  };
  const show = (lines) => (line) => {
    lines.push(line);
    console.log(`${name.padEnd(11)}| ${line}`);
    look();
  };
  createInterface(child.stdout).on('line', show(program.out));
  createInterface(child.stderr).on('line', show(program.err));
  child.once('exit', () => look());
  running.push(program);
  return program;
}

/** Resolves when `condition` holds; fails when a program ends before. */
function until(condition) {
  return new Promise((/** @type {(value?: undefined) => void} */ resolve, reject) => {
    look = () => {
      const dead = running.find(
        ({ child }) => child.exitCode !== null || child.signalCode !== null,
      );
      if (condition()) resolve();
      else if (dead) reject(new Error(`${dead.name} ended early`));
    };
    look();
  });
}

function send(message) {
  console.log(`$ sigmq send ${JSON.stringify(message)}`);
  const { status, stderr } = spawnSync(process.execPath, [bin, 'send', message], { env });
  if (status !== 0) throw new Error(`send failed with ${status}: ${stderr}`);
}

async function stopAll() {
  for (const { child, ended } of running.splice(0).reverse()) {
    child.kill('SIGTERM');
    await ended;
  }
  rmSync(dir, { recursive: true, force: true });
}

try {
  const broker = start('broker', ['broker']);
  await until(() => broker.err.some((line) => line.includes('runs in')));
  const consumers = [];
  // One after the other: the turn goes by the order of registration.
  for (const name of ['consumer 1', 'consumer 2']) {
    const consumer = start(name, ['consume']);
    await until(() => consumer.err.some((line) => line.includes('waits for messages')));
    consumers.push(consumer);
  }
  const messages = ['hello', 'from', 'two', 'signals', 'größer als', '信号'];
  for (const message of messages) send(message);
  await until(() => consumers.every(({ out }) => out.length === 3));
  const inTurn = messages.every((message, n) => consumers[n % 2].out[n >> 1] === message);
  if (!inTurn) throw new Error('the messages did not arrive in turn');
  console.log('Six messages, each bit a signal, in turn. Stopping all.');
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
} finally {
  await stopAll();
}
