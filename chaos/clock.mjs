// A wall clock for some processes that can be set without touching the machine's.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('clock.c', import.meta.url));

export class Clock {
  /** How wrong it is; ms. */
  offsetMs = 0;
  #file;
  #library;

  /** @returns undefined where there is no compiler, or Node is not linked to the C library */
  static make(dir) {
    const library = join(dir, 'clock.so');
    const flags = ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl'];
    if (spawnSync('cc', flags).status !== 0) return undefined;
    const clock = new Clock(join(dir, 'clock'), library);
    clock.set(1e9);
    const child = spawnSync(process.execPath, ['-p', 'Date.now()'], {
      env: clock.env(process.env),
    });
    clock.set(0);
    return Math.abs(Number(child.stdout) - Date.now() - 1e9) < 60_000 ? clock : undefined;
  }

  constructor(file, library) {
    this.#file = file;
    this.#library = library;
  }

  /** Environment of a process that is to have this clock. */
  env(env) {
    return { ...env, LD_PRELOAD: this.#library, SIGMQ_CHAOS_CLOCK: this.#file };
  }

  set(offsetMs) {
    this.offsetMs = offsetMs;
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(Math.round(offsetMs)) * 1_000_000n);
    const fd = openSync(this.#file, 'a+');
    closeSync(fd);
    const at = openSync(this.#file, 'r+');
    writeSync(at, bytes, 0, 8, 0); // one store of eight aligned bytes
    closeSync(at);
  }
}
