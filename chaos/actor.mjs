// One process of a run: a child of this one, signalled through its handle only, so that a number which
// belongs to somebody else by now is never signalled.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SIGMQ = fileURLToPath(new URL('../dist/bin/sigmq.js', import.meta.url));
const PLAIN = fileURLToPath(new URL('../test/fixtures/plain_consumer.py', import.meta.url));
const WORKER = fileURLToPath(new URL('worker.sh', import.meta.url));
/** Of what a process said; what it said first is in its log. */
const REMEMBERED = 1 << 16;

const living = new Set();

/** At once, before this process ends. @returns how many there were */
export function killAll() {
  const count = living.size;
  for (const child of living) child.kill('SIGKILL');
  return count;
}

/**
 * What a consumer wrote of one delivery: a plain one knows no id and no attempt. One that runs worker.sh tells of each
 * run of it: its id, attempt and PID, when it began (s since boot), and whether it came to its end.
 * @typedef {{ text: string, stretch: number, id?: number, attempt?: number, releases?: number, run?: string,
 *   began?: number, ended?: boolean }} Written
 */

export class Actor {
  /** It was killed: by us. */
  died = false;
  /** How much a consumer had written when another store was opened, each time. */
  marks = [];
  /** From which to which record a crash of the store's server may have undone what became of them. */
  undone = [];
  stopped = false;
  /** Where a consumer is. */
  host;
  said = '';
  /** What it wrote to its standard output, if that is a pipe. */
  text = '';
  /** It may end by itself. */
  mayEnd = false;
  /** Hears what is said on stderr. @type {((text: string) => void) | undefined} */
  onSaid;

  /** @param place `within`: the command that runs it, in place of itself */
  constructor({ env, log, within = [] }, role, command, stdio) {
    this.role = role;
    const [program, ...args] = [...within, ...command];
    this.child = spawn(program, args, { env, stdio });
    this.pid = this.child.pid;
    living.add(this.child);
    this.child.once('exit', () => living.delete(this.child));
    this.exited = once(this.child, 'exit').then(([code, signal]) => code ?? signal);
    this.ended = once(this.child, 'close').then(([code, signal]) => code ?? signal);
    this.child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      this.text += chunk;
    });
    const path = join(log, `${role}-${this.pid}`);
    this.child.stderr?.on('data', (chunk) => {
      this.said = (this.said + chunk).slice(-REMEMBERED);
      appendFileSync(path, chunk);
      this.onSaid?.(String(chunk));
    });
  }

  /** What it wrote, if it is a consumer. @returns {Written[]} */
  get records() {
    return [];
  }

  get lives() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** It can take signals without being killed by them: it is past its start. */
  get blocks() {
    if (!this.lives) return false;
    const status = readFileSync(`/proc/${this.pid}/status`, 'latin1');
    const mask = BigInt(`0x${/^SigBlk:\s*(\w+)/m.exec(status)?.[1] ?? '0'}`);
    // SIGUSR1 is 10, SIGUSR2 is 12. All blocked, also SIGTERM (15): it is not yet past its exec.
    return (mask & 0x4a00n) === 0xa00n;
  }

  /** Resident now; MB. */
  get megabytes() {
    if (!this.lives) return 0;
    const status = readFileSync(`/proc/${this.pid}/status`, 'latin1');
    return Math.round(Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
  }

  mark() {
    this.marks.push(this.records.length);
  }

  signal(name) {
    if (this.lives) this.child.kill(name);
  }

  kill() {
    this.died = true;
    this.signal('SIGKILL');
    return this.exited;
  }

  /** Waits for a text on stderr. @returns false when it ended before */
  async says(text) {
    while (!this.said.includes(text)) {
      if (!this.lives) return false;
      await Promise.race([once(this.child.stderr, 'data'), this.ended]);
    }
    return true;
  }
}

/** A `sigmq` command. */
export class Sigmq extends Actor {
  /** Of a broker: what has to be over before the next one starts. @type {Promise<void> | undefined} */
  beforeSuccessor;

  constructor(place, role, args, stdio) {
    super(place, role, [process.execPath, SIGMQ, ...args], stdio);
  }
}

/** A consumer that prints what it gets, each line with its id and attempt. */
export class Consumer extends Sigmq {
  constructor(place, path, args = []) {
    const out = openSync(path, 'a');
    super(place, 'consumer', ['consume', '-F', '%i %a %p\\n', ...args], ['ignore', out, 'pipe']);
    closeSync(out);
    this.path = path;
    this.args = args;
  }

  /** @override */
  get records() {
    return readLines(this.path).map(identified).map(placed(this));
  }
}

/** A consumer that runs worker.sh for each message. */
export class Worker extends Sigmq {
  works = true;
  /** It was ended together with its commands, by the same signal. */
  signalled = false;

  constructor(place, path, args = []) {
    for (const name of [path, `${path}.ended`]) closeSync(openSync(name, 'a'));
    const env = { ...place.env, OUT: path, MARKS: place.marks };
    const stdio = ['ignore', 'ignore', 'pipe'];
    super({ ...place, env }, 'worker', ['consume', ...args, '--', WORKER], stdio);
    writeFileSync(`${path}.pid`, `${this.pid}\n`);
    this.path = path;
    this.args = args;
  }

  /** @override */
  get records() {
    const ended = new Set(readLines(`${this.path}.ended`));
    const read = (line) => {
      const [, run, releases, began, text] =
        /^(\d+ \d+ \d+) (\d+) ([\d.]+) (.*)$/s.exec(line) ?? [];
      if (text === undefined) return { text: line };
      const [id, attempt] = run.split(' ').map(Number);
      const known = { id, attempt, releases: Number(releases), run, began: Number(began) };
      return { ...known, ended: ended.has(run), text };
    };
    return readLines(this.path).map(read).map(placed(this));
  }
}

/** A consumer that is no sigmq: it knows bodies only. */
export class PlainConsumer extends Actor {
  /** The broker waited in vain for it to take its signals, and gave a message to another, too. */
  stalled = false;

  constructor(place, path, dir, args = []) {
    const out = openSync(path, 'a');
    super(place, 'plain', ['python3', PLAIN, dir, ...args], ['ignore', out, 'pipe']);
    closeSync(out);
    this.path = path;
  }

  /** @override */
  get records() {
    return readLines(this.path)
      .map((text) => ({ text }))
      .map(placed(this));
  }
}

/** What was written after so many marks was so many stores later. */
function placed({ marks, undone }) {
  return (record, at) => {
    const stretch = marks.filter((mark) => at >= mark).length;
    const mayBeUndone = undone.some(([from, to]) => at >= from && at < to);
    return { ...record, stretch, ...(mayBeUndone ? { mayBeUndone } : {}) };
  };
}

function identified(line) {
  const [, id, attempt, text] = /^(\d+) (\d+) (.*)$/s.exec(line) ?? [];
  return text === undefined ? { text: line } : { id: Number(id), attempt: Number(attempt), text };
}

/** Complete ones: who is killed may leave half a line. */
function readLines(path) {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}
