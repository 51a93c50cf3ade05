// The store is backed up, put back, exchanged for others and for one in memory, while the same consumers
// live, who know the ids of each of them, and the same producers, who number their messages on.
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '../actor.mjs';
import { drained } from '../cast.mjs';
import { Ledger } from '../ledger.mjs';
import { messageOf, readMessage } from '../message.mjs';
import { send } from '../produce.mjs';
import { settle } from '../settle.mjs';
import { contentOf } from '../store-content.mjs';
import { UNKNOWN } from '../stretches.mjs';

/** So long producers have for what they were given, before another store is opened; ms. */
const PATIENCE_MS = 20_000;
/** Nobody takes from it before the end: what is in there is in every backup. */
const PARKED = 'parked';
const BROKER = ['--max-attempts', '1000'];

export const restore = {
  name: 'restore',
  needsFile: true,
  brokerArgs: BROKER,
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const shelf = new Shelf(cast, ledger, random);
    const crew = [[], ['-j', '3'], []];
    await Promise.all(crew.map((args) => cast.addConsumer(args)));
    await cast.addConsumer(['-j', '2'], Worker);
    const lines = [['default'], ['default'], [PARKED]].map(([queue]) => new Lines(cast, queue));
    const mine = random.of('restore');
    let next = 0;
    const feed = async () => {
      const numbers = () => Array.from({ length: mine.int(1, 12) }, () => next++);
      for (const line of lines) await line.feed(ledger, numbers(), random);
      const some = numbers();
      const texts = some.map((number) => messageOf(number, random));
      const queue = mine.pick(['default', 'default', PARKED]);
      await send(cast, ledger, some, texts, ['-W', '30s', '-q', queue]);
    };
    const last = sizes.restore;
    for (let n = 0; until > 0 ? Date.now() < until : n < last; n++) {
      await cast.askSurely('resume', 'default');
      await feed();
      if (mine.oneIn(2)) {
        // So that there is something in the store that these consumers will know.
        await cast.askSurely('pause', 'default');
        await feed();
      }
      if (mine.oneIn(3)) await sleep(mine.int(0, 300));
      else await arrived(cast, ledger, lines, shelf);
      await cast.betweenBrokers(mine.pick(['SIGKILL', 'SIGTERM']), () => shelf.turn());
    }
    if (shelf.inMemory) await cast.betweenBrokers('SIGTERM', () => shelf.leaveMemory());
    await feed();
    for (const line of lines) await line.end(ledger);
    await cast.askSurely('resume', 'default');
    await cast.addConsumer(['-q', PARKED]);
    return { ...(await settle(cast, ledger)), done: shelf.done };
  },
};

/** A long-lived `send --lines --wait`. It says nothing before its end. */
class Lines {
  #producer;
  /** What it was given and is not known to be confirmed: `[number, stretch]`. */
  open = [];

  constructor(cast, queue) {
    this.cast = cast;
    this.#producer = cast.produce(['--wait', '--lines', '-q', queue, '-']);
  }

  async feed(ledger, numbers, random) {
    for (const number of numbers) {
      ledger.attempted.add(number);
      this.open.push([number, ledger.stretches.current]);
    }
    const texts = numbers.map((number) => `${messageOf(number, random)}\n`);
    await drained(this.#producer.child.stdin, texts.join(''));
  }

  /** Whatever it was given is confirmed by now. */
  confirm(ledger) {
    for (const [number, since] of this.open) ledger.confirm(number, since);
    this.open = [];
  }

  async end(ledger) {
    this.#producer.child.stdin.end();
    const code = await this.#producer.ended;
    if (code === 0) this.confirm(ledger);
    else this.cast.wrong.push(`a long-lived producer ended with ${code}: ${this.#producer.said}`);
  }
}

/** Waits until all that long-lived producers were given has arrived: a broker is there, and it is calm. */
async function arrived(cast, ledger, lines, shelf) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const here = new Set(shelf.inMemory ? [] : contentOf(cast.state).keys());
    for (const { records } of cast.consumers) {
      for (const { text } of records) here.add(readMessage(text)?.number);
    }
    const missing = lines.flatMap(({ open }) => open).filter(([number]) => !here.has(number));
    // What is in memory cannot be seen: it is not said that it has arrived.
    if (missing.length > 0 && shelf.inMemory) return;
    if (missing.length === 0 || Date.now() > deadline) break;
    await sleep(100);
  }
  for (const line of lines) line.confirm(ledger);
}

/** The stores that are not open: backups, and others. */
class Shelf {
  done = {};
  inMemory = false;
  #cast;
  #ledger;
  #random;
  #draw;
  #backups = [];
  #parked = [];
  #count = 0;

  constructor(cast, ledger, random) {
    this.#cast = cast;
    this.#ledger = ledger;
    this.#random = random.of('shelf');
    this.#draw = this.#random.bag(['again', 'backup', 'restore', 'restore', 'exchange', 'memory']);
  }

  /** With no broker: the next one finds the same store, or another. */
  turn() {
    if (this.inMemory) {
      this.leaveMemory();
      return;
    }
    const kind = this.#draw();
    if (kind === 'restore' && this.#backups.length === 0) this.backup();
    else this[kind]();
    this.done[kind] = (this.done[kind] ?? 0) + 1;
  }

  again() {}

  backup() {
    const folder = this.#folder('backup');
    cpSync(this.#cast.state, folder, { recursive: true });
    this.#backups.push(folder);
  }

  restore() {
    const kept = contentOf(this.#cast.state);
    rmSync(this.#cast.state, { recursive: true });
    cpSync(this.#random.pick(this.#backups), this.#cast.state, { recursive: true });
    this.#open(kept);
  }

  exchange() {
    const kept = contentOf(this.#cast.state);
    const aside = this.#folder('aside');
    renameSync(this.#cast.state, aside);
    const other = this.#random.oneIn(3) ? undefined : this.#parked.shift();
    if (other) renameSync(other, this.#cast.state);
    this.#parked.push(aside);
    this.#open(kept);
  }

  memory() {
    this.inMemory = true;
    this.#cast.brokerArgs = [...BROKER, '--memory'];
    this.#turn(contentOf(this.#cast.state), new Map());
  }

  leaveMemory() {
    this.inMemory = false;
    this.#cast.brokerArgs = BROKER;
    this.#open(UNKNOWN);
  }

  #open(kept) {
    this.#turn(kept, contentOf(this.#cast.state));
  }

  #turn(kept, opened) {
    this.#ledger.stretches.turn(kept, opened);
    this.#cast.turn();
  }

  #folder(name) {
    const folder = join(this.#cast.dir, `${name}-${this.#count++}`);
    if (existsSync(folder)) throw new Error(`${folder} is there already`);
    return folder;
  }
}
