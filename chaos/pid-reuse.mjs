// Strangers who get the PIDs of processes that have ended. In a PID namespace of one's own only: in the
// machine's own it would change which PIDs other people's processes get.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The next process gets this number plus 1, if that is free (pid_namespaces(7)). */
const LAST_PID = '/proc/sys/kernel/ns_last_pid';
/** Other processes start, too, and their threads take numbers: some tries are lost. */
const TRIES = 50;
const STUBBORN = fileURLToPath(new URL('stubborn.py', import.meta.url));

/** Who neither catches nor blocks the two signals dies of the first; the others notice nothing. */
export const KINDS = {
  ordinary: ['sleep', ['100000']],
  stubborn: ['python3', [STUBBORN]],
};

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

  #keep(child, kind) {
    this.#living.add(child);
    child.once('exit', (code, signal) => {
      if (!this.#living.delete(child)) return;
      this.wrong.push(`the ${kind} stranger ${child.pid} ended by itself with ${code ?? signal}`);
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
