// Other programs that write to consumers.txt: with and without the lock, whole lines and halves, and
// whether what they wrote is still there.
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';

export class RegistryEdits {
  done = {};
  /** Lines that must stay. */
  #lines = new Set();
  wrong = [];
  #path;
  #random;
  #count = 0;
  #strangers;

  /** @param strangers PIDs of living processes that are no consumers */
  constructor(dir, random, strangers) {
    this.#path = join(dir, 'consumers.txt');
    this.#random = random.of('registry');
    this.#strangers = strangers;
  }

  /** Edits until told to stop. */
  async rage(goOn) {
    while (goOn()) {
      await sleep(this.#random.int(0, 120));
      const kind = this.#random.pick([
        'append',
        'append',
        'append',
        'half',
        'dead',
        'edit',
        'hold',
      ]);
      await this[kind]();
      this.done[kind] = (this.done[kind] ?? 0) + 1;
    }
  }

  /** As foreign programs do: a line, without asking. */
  async append() {
    appendFileSync(this.#path, `${this.#line()}\n`);
  }

  /** A line in two writes. Whoever edits in between may have ended it; then the rest is one of its own. */
  async half() {
    const line = this.#line();
    appendFileSync(this.#path, line);
    await sleep(this.#random.int(0, 60));
    appendFileSync(this.#path, '\n');
  }

  /** A process that ended without a word; such lines go. */
  async dead() {
    appendFileSync(this.#path, `${0x7fff_ff00 + this.#random.int(0, 99)}\n`);
  }

  /** Somebody else who uses the lock as agreed, with the defaults of proper-lockfile. */
  async edit() {
    await this.#withLock(0);
  }

  async hold() {
    await this.#withLock(this.#random.oneIn(10) ? 8000 : this.#random.int(0, 800));
  }

  async #withLock(ms) {
    let lost;
    const retries = { retries: 2000, minTimeout: 5, maxTimeout: 50 };
    const options = { realpath: false, retries, onCompromised: (error) => (lost = error) };
    const unlock = await lock(this.#path, options);
    await sleep(ms);
    if (lost) {
      this.wrong.push(`the lock was taken from somebody who had it for ${ms} ms: ${lost.message}`);
      return;
    }
    const beside = `${this.#path}.chaos`;
    const text = readFileSync(this.#path, 'latin1');
    writeFileSync(beside, `${text}${this.#line()}\n`, 'latin1');
    renameSync(beside, this.#path);
    await unlock();
  }

  #line() {
    const words = ['no PID', '-5', '1', '0', '99999999999', '#'];
    const first = this.#random.pick([...words, ...this.#strangers]);
    const line = `${first} written-by-others=${this.#count++}`;
    this.#lines.add(line);
    return line;
  }

  /** What is wrong with the file, now that nobody edits any more. */
  audit() {
    const text = readFileSync(this.#path, 'latin1');
    const found = new Map();
    // sigmq writes behind a PID for whom it stands, and nothing else.
    for (const line of text.replace(/^(\d+) (start|before)=\d+/gm, '$1').split('\n'))
      found.set(line, (found.get(line) ?? 0) + 1);
    const wrong = [...this.wrong];
    for (const line of this.#lines) {
      const count = found.get(line) ?? 0;
      if (count !== 1)
        wrong.push(`consumers.txt has the line ${JSON.stringify(line)} ${count} times`);
    }
    if (!text.endsWith('\n')) wrong.push('consumers.txt does not end with a newline');
    return wrong;
  }

  get lines() {
    return this.#lines.size;
  }
}
