// Files are removed and moved away under running processes: the store, parts of it, consumers.txt, the
// runtime directory. What is confirmed from then on is in a store, or the confirmation was refused; processes
// put themselves back, or end with a sentence.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ledger } from '../ledger.mjs';
import { messageOf } from '../message.mjs';
import { produce, send } from '../produce.mjs';
import { settle } from '../settle.mjs';
import { contentOf, storeIn } from '../store-content.mjs';
import { UNKNOWN } from '../stretches.mjs';

/** Nobody takes from it before the end: what is confirmed there is in the store or nowhere. */
const PARKED = 'parked';
const PROBES = 1_000_000;
/** To notice that something is missing and put it back; ms. */
const PATIENCE_MS = 10_000;
const CONSUMERS = 3;
const STORE = ['queue.db', 'queue.db-wal', 'store', 'state'];
const RUNTIME = ['consumers.txt', 'runtime directory'];

export const deleted = {
  name: 'deleted',
  needsFile: true,
  brokerArgs: ['--max-attempts', '1000'],
  async play({ cast, random, sizes, until }) {
    const ledger = new Ledger();
    const deletions = new Deletions(cast, ledger, random);
    await Promise.all(Array.from({ length: CONSUMERS }, () => cast.addConsumer()));
    let sending = true;
    const deleting = (async () => {
      for (let n = 0; until > 0 ? Date.now() < until : n < sizes.deleted; n++) {
        await sleep(random.of(`pause ${n}`).int(0, 1000));
        await deletions.one();
      }
      sending = false;
    })();
    const argsOf = (mine) => ['-q', mine.pick(['default', 'default', PARKED])];
    await produce(cast, ledger, random, { goOn: () => sending, producers: 2, argsOf });
    await deleting;
    await cast.addConsumer(['-q', PARKED]);
    const { counts, wrong } = await settle(cast, ledger);
    const done = { ...deletions.done, ...deletions.answers };
    return { counts, wrong: [...wrong, ...deletions.wrong], done };
  },
};

class Deletions {
  done = {};
  /** Of sends to a store that is not where it was. */
  answers = { 'then confirmed': 0, 'then refused': 0 };
  wrong = [];
  #cast;
  #ledger;
  #random;
  #draw;
  #count = 0;
  #probes = PROBES;

  constructor(cast, ledger, random) {
    this.#cast = cast;
    this.#ledger = ledger;
    this.#random = random.of('deletions');
    this.#draw = this.#random.bag([...STORE, ...RUNTIME]);
  }

  async one() {
    const what = this.#draw();
    const isMoved = this.#random.oneIn(2);
    await this.#cast.brokerRuns();
    if (STORE.includes(what)) await this.#store(what, isMoved);
    else await this.#runtime(what, isMoved);
    const name = `${what} ${isMoved ? 'moved' : 'removed'}`;
    this.done[name] = (this.done[name] ?? 0) + 1;
  }

  async #store(what, isMoved) {
    const cast = this.#cast;
    const path = this.#pathOf(what);
    if (!path || !existsSync(path)) return;
    cast.broker.mayEnd = true;
    // What was confirmed before is gone with the file, or aside with it.
    const aside = this.#takeAway(path, isMoved);
    this.#turn(UNKNOWN, new Map());
    for (const queue of ['default', PARKED, PARKED]) await this.#probe(queue);
    cast.mayFailToStart = () => true;
    const signal = this.#random.pick(['SIGKILL', 'SIGTERM']);
    await cast.betweenBrokers(signal, () => {
      const kept = contentOf(cast.state);
      // Only where nothing new stands in its place.
      if (aside && !existsSync(path) && existsSync(dirname(path)) && this.#random.oneIn(2)) {
        renameSync(aside, path);
      }
      this.#turn(kept, contentOf(cast.state));
    });
    cast.mayFailToStart = () => false;
  }

  async #runtime(what, isMoved) {
    const cast = this.#cast;
    const path = what === 'consumers.txt' ? join(cast.run, what) : cast.run;
    const consumers = cast.livingConsumers;
    for (const actor of [cast.broker, ...consumers]) actor.mayEnd = true;
    cast.mayFailToStart = () => true;
    cast.mayFailToRegister = () => true;
    this.#takeAway(path, isMoved);
    await this.#areBack(what);
    for (const consumer of consumers.filter(({ lives }) => !lives)) {
      if (consumer.said.length === 0) this.wrong.push(`consumer ${consumer.pid} ended wordlessly`);
      await cast.addConsumer();
    }
    cast.mayFailToStart = () => false;
    cast.mayFailToRegister = () => false;
    for (const actor of [cast.broker, ...cast.livingConsumers]) actor.mayEnd = false;
  }

  /** The broker answers, and has all consumers that live. */
  async #areBack(what) {
    const deadline = Date.now() + PATIENCE_MS;
    let told;
    do {
      await sleep(200);
      told = await this.#cast.ask('status', '--json');
      const wanted = this.#cast.livingConsumers.map(({ pid }) => pid);
      if (told.code === 0) {
        const here = JSON.parse(told.text).consumers.map(({ pid }) => pid);
        if (wanted.every((pid) => here.includes(pid))) return;
      }
    } while (Date.now() < deadline);
    this.wrong.push(`not back ${PATIENCE_MS} ms after ${what} was taken away: ${told.said}`);
    // Nothing else could be tried: those who run it start everything again.
    for (const actor of [this.#cast.broker, ...this.#cast.livingConsumers]) await actor.kill();
    await this.#cast.brokerRuns();
    await Promise.all(Array.from({ length: CONSUMERS }, () => this.#cast.addConsumer()));
  }

  async #probe(queue) {
    const number = this.#probes++;
    const message = messageOf(number, this.#random);
    const code = await send(
      this.#cast,
      this.#ledger,
      [number],
      [message],
      ['-W', '10s', '-q', queue],
    );
    this.answers[code === 0 ? 'then confirmed' : 'then refused']++;
  }

  /** @returns where it is now; undefined: nowhere */
  #takeAway(path, isMoved) {
    const aside = join(this.#cast.dir, `aside-${this.#count++}`);
    if (isMoved) renameSync(path, aside);
    else rmSync(path, { recursive: true });
    return isMoved ? aside : undefined;
  }

  #pathOf(what) {
    if (what === 'state') return this.#cast.state;
    const folder = storeIn(this.#cast.state);
    return what === 'store' || !folder ? folder : join(folder, what);
  }

  #turn(kept, opened) {
    this.#ledger.stretches.turn(kept, opened);
    this.#cast.turn();
  }
}
