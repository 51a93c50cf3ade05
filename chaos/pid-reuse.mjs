// Strangers who get the PIDs of processes that have ended. In a PID namespace of one's own only: in the
// machine's own it would change which PIDs other people's processes get.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The next process gets this number plus 1, if that is free (pid_namespaces(7)). */
const LAST_PID = '/proc/sys/kernel/ns_last_pid';
/** Other processes start, too, and their threads take numbers: some tries are lost. */
const TRIES = 50;
const STUBBORN = fileURLToPath(new URL('stubborn.py', import.meta.url));

const STRANGER = fileURLToPath(new URL('stranger.py', import.meta.url));
const SIGMQ = new URL('../dist/src/index.js', import.meta.url).href;
const SIGNAL_EXIT = createRequire(import.meta.url).resolve('signal-exit');
const FOR_EVER = 'setInterval(() => {}, 1e6)';

/** Who neither catches nor blocks the two signals dies of the first; the others notice nothing. */
const KINDS = {
  ordinary: ['sleep', ['100000']],
  stubborn: ['python3', [STUBBORN]],
};
/** They catch both signals, or may seem to, for reasons of their own; most die of one. */
const LOOKALIKES = {
  bash: ['bash', '--norc', '-i'],
  irb: ['irb', '-f'],
  ruby: ['ruby', '-e', 'sleep'],
  'signal-exit': [process.execPath, '-e', `require('${SIGNAL_EXIT}')(() => {}); ${FOR_EVER}`],
  importer: [
    process.execPath,
    '--input-type=module',
    '-e',
    `await import('${SIGMQ}'); console.log('ready'); ${FOR_EVER}`,
  ],
};
/** Of those, the ones that this machine has. */
export const LOOKALIKE_NAMES = Object.keys(LOOKALIKES).filter(
  (name) => spawnSync(LOOKALIKES[name][0], ['--version']).status === 0,
);

export class Decoys {
  #living = new Set();
  /** Sentences about decoys that died. */
  wrong = [];

  static get arePossible() {
    try {
      writeFileSync(LAST_PID, readFileSync(LAST_PID));
      return true;
    } catch {
      return false;
    }
  }

  /** Starts one under the PID of a process that has ended. @returns whether it got that PID */
  async take(pid, kind) {
    const [command, args] = KINDS[kind];
    for (let n = 0; n < TRIES && !existsSync(`/proc/${pid}`); n++) {
      writeFileSync(LAST_PID, String(pid - 1));
      const child = spawn(command, args, { stdio: 'ignore' });
      if (child.pid === pid) {
        this.#keep(child, kind);
        return true;
      }
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    return false;
  }

  /**
   * Starts one that seems to be a peer, in a terminal of its own.
   * @param pid of a process that has ended; 0: any
   * @returns its PID; undefined: it did not get that one
   */
  async disguise(pid, kind) {
    const args = [STRANGER, String(pid), ...LOOKALIKES[kind]];
    const child = spawn('python3', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const told = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    const got = Number(String(told[0]));
    if (child.exitCode !== null || !(got > 1)) return undefined;
    this.#keep(child, kind, got);
    return got;
  }

  #keep(child, kind, pid = child.pid) {
    this.#living.add(child);
    child.once('exit', (code, signal) => {
      if (!this.#living.delete(child)) return;
      this.wrong.push(`the ${kind} stranger ${pid} ended by itself with ${code ?? signal}`);
    });
  }

  /** Ends them all. */
  async end() {
    const children = [...this.#living];
    this.#living.clear();
    await Promise.all(
      children.map((child) => {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        return ended;
      }),
    );
  }

  /** Ends the oldest, so that there are not too many. */
  endSome(most) {
    const children = [...this.#living].slice(0, Math.max(0, this.#living.size - most));
    for (const child of children) {
      this.#living.delete(child);
      child.kill('SIGKILL');
    }
  }
}
