// The processes of one act: a broker that is started again whenever it ends, consumers, producers.
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor, Consumer, PlainConsumer, Sigmq } from './actor.mjs';

/** Exit codes of a `send`: done, no broker, not confirmed, time over; of an `ask` also those of worker.sh. */
const EXPECTED = { send: [0, 69, 75, 124], ask: [0, 3, 65, 69, 75, 124] };
/** Pause before a broker that ended by itself gets its successor; ms. */
const RESTART_MS = 300;
/** @type {any} Before there is a broker. */
const NOBODY = undefined;
/** Deliveries to a consumer in the last moment before a crash, at most. */
const UNDONE = 200;
/** What brokers have in memory then, and still deliver. */
const ON_THE_WAY = 20;
/** A broker that does not run after so long never will; ms. */
const START_MS = 30_000;

export class Cast {
  consumers = [];
  producers = new Set();
  brokers = 0;
  /** Of the host that faults are done to now. */
  host;
  /** Sentences about what no process should do. */
  wrong = [];
  /** Ids of messages that were taken from consumers because they were silent for too long. */
  expired = new Set();
  /** Ids of messages that went to another host, whose broker took this one's for dead. */
  takenOver = new Set();
  /** A broker may be unable to start just now. */
  mayFailToStart = () => false;
  /** A consumer may be unable to start just now. @type {(consumer: Actor) => boolean} */
  mayFailToRegister = () => false;
  #ending = false;
  #turns = 0;
  #produced = 0;

  /**
   * @param clock wall clock of the broker and of every second other process; undefined: the real one
   * @param engine where brokers of two hosts keep their messages; undefined: one host, one file
   */
  constructor(
    dir,
    { brokerArgs, env, clock, run = join(dir, 'run'), state = join(dir, 'state'), engine },
  ) {
    this.dir = dir;
    this.run = run;
    this.state = state;
    this.brokerArgs = brokerArgs;
    this.clock = clock;
    this.engine = engine;
    this.env = { ...process.env, ...env, XDG_STATE_HOME: state };
    const runs = engine ? [run, `${run}-2`] : [run];
    /** Each has a broker: the one that runs, or ran last; none before {@link Cast.keepBroker}. */
    this.hosts = runs.map((run, n) => ({ n, run, broker: NOBODY }));
    this.host = this.hosts[0];
    for (const name of ['out', 'log', 'marks']) mkdirSync(join(dir, name));
  }

  /** @returns {Sigmq} */
  get broker() {
    return this.host.broker;
  }

  get livingConsumers() {
    return this.consumers.filter(({ lives }) => lives);
  }

  /** In turn on each host. */
  #place(hasClock, count = 0) {
    const { run } = this.hosts[count % this.hosts.length];
    const own = { ...this.env, SIGMQ_DIR: run };
    const env = this.clock && hasClock ? this.clock.env(own) : own;
    return { env, log: join(this.dir, 'log'), marks: join(this.dir, 'marks') };
  }

  /** Starts a broker on each host, and another whenever one has ended. */
  async keepBroker() {
    await Promise.all(this.hosts.map((host) => this.#keepBrokerOf(host)));
  }

  async #keepBrokerOf(host) {
    const args = ['broker', ...this.brokerArgs, ...(this.engine?.argsFor(host.n) ?? [])];
    const place = { ...this.#place(true, host.n), within: this.engine?.within(host.n) };
    const broker = new Sigmq(place, 'broker', args, ['ignore', 'ignore', 'pipe']);
    host.broker = broker;
    this.brokers++;
    broker.onSaid = (text) => this.#listen(text);
    void broker.exited.then(async (code) => {
      if (this.#ending) return;
      if (!broker.died) {
        await broker.ended;
        if (!broker.mayEnd && !this.mayFailToStart())
          this.wrong.push(`broker ${broker.pid} ended by itself with ${code}: ${broker.said}`);
        await sleep(RESTART_MS);
      }
      await broker.beforeSuccessor;
      if (!this.#ending) await this.#keepBrokerOf(host);
    });
    await broker.says('runs in');
    if (broker.said.includes('as a plain peer'))
      throw new Error('chaos needs the addon: npm run build');
  }

  /** What the broker says of what it did explains repeats. */
  #listen(text) {
    for (const [, id] of text.matchAll(/has not settled message (\d+) within/g))
      this.expired.add(Number(id));
    for (const [, id] of text.matchAll(/Message (\d+) of consumer \d+ went to another broker/g)) {
      this.expired.add(Number(id));
      this.takenOver.add(Number(id));
    }
    for (const [, pid] of text.matchAll(/Plain consumer (\d+) is not taking/g)) {
      const plain = this.consumers.find((consumer) => consumer.pid === Number(pid));
      if (plain) plain.stalled = true;
    }
  }

  /**
   * Ends the brokers, and does something while there is none; resolves when the next ones run.
   * @param signal SIGKILL, or one that they obey
   */
  async betweenBrokers(signal, work) {
    await this.brokerRuns();
    const before = this.hosts.map(({ broker }) => broker);
    let goOn;
    const gone = new Promise((resolve) => {
      goOn = resolve;
    });
    for (const broker of before) {
      broker.beforeSuccessor = gone;
      broker.mayEnd = signal !== 'SIGKILL';
      if (broker.mayEnd) broker.signal(signal);
      else await broker.kill();
    }
    await Promise.all(before.map(({ exited }) => exited));
    // What they had sent is written by now.
    await sleep(RESTART_MS);
    try {
      await work();
    } finally {
      goOn();
    }
    await this.brokerRuns(before);
  }

  /**
   * @param before the brokers that are to have successors
   * @throws when there is none for long
   */
  async brokerRuns(before = []) {
    for (const host of this.hosts) {
      const deadline = performance.now() + START_MS;
      const runs = ({ broker }) =>
        !before.includes(broker) && broker.blocks && broker.said.includes('runs in');
      while (!runs(host)) {
        if (performance.now() > deadline) throw new Error(`no broker runs: ${host.broker.said}`);
        await sleep(20);
      }
    }
  }

  /** What consumers have just received, or receive now, may come again: the server of the store is about to crash. */
  noteLastDeliveries() {
    for (const { records, undone } of this.consumers)
      undone.push([records.length - UNDONE, records.length + ON_THE_WAY]);
  }

  /** Another store is opened from here on: what consumers write belongs to that. */
  turn() {
    this.#turns++;
    for (const consumer of this.consumers) consumer.mark();
  }

  /** Starts one, again if need be, and waits until it is registered. */
  async addConsumer(args = [], Kind = Consumer) {
    while (!this.#ending) {
      const consumer = this.startConsumer(args, Kind);
      if (await consumer.says('waits for messages')) return consumer;
      const code = await consumer.ended;
      if (!consumer.died && !consumer.mayEnd && !this.mayFailToRegister(consumer))
        this.wrong.push(`consumer ${consumer.pid} did not start, ${code}: ${consumer.said}`);
      await sleep(RESTART_MS);
    }
    return undefined;
  }

  startConsumer(args = [], Kind = Consumer) {
    const { length } = this.consumers;
    const consumer = new Kind(this.#place(length % 2 === 1, length), this.#out(), args);
    consumer.marks = Array(this.#turns).fill(0);
    consumer.host = this.hosts[length % this.hosts.length];
    this.consumers.push(consumer);
    void consumer.ended.then((code) => {
      if (consumer.died || this.#ending || consumer.mayEnd || this.mayFailToRegister(consumer))
        return;
      this.wrong.push(`consumer ${consumer.pid} ended by itself with ${code}: ${consumer.said}`);
    });
    return consumer;
  }

  async addPlainConsumer(args = []) {
    const plain = new PlainConsumer(this.#place(false), this.#out(), this.run, args);
    this.consumers.push(plain);
    await plain.says('ready');
    return plain;
  }

  /** Somebody who has nothing to do with it, and whom either signal would kill. */
  addBystander() {
    return new Actor(this.#place(false), 'bystander', ['sleep', '100000'], 'ignore');
  }

  #out() {
    return join(this.dir, 'out', String(this.consumers.length));
  }

  /**
   * Starts a command that sends.
   * @param input undefined: its standard input stays open
   * @param {'send' | 'ask'} command
   */
  produce(args, input, command = 'send') {
    const place = this.#place(this.producers.size % 2 === 1, this.#produced++);
    const producer = new Sigmq(place, 'producer', [command, ...args], 'pipe');
    producer.child.stdin.on('error', () => {});
    if (input !== undefined) producer.child.stdin.end(input);
    this.producers.add(producer);
    void producer.ended.then((code) => {
      this.producers.delete(producer);
      if (producer.died || this.#ending || EXPECTED[command].includes(code)) return;
      this.wrong.push(`${command} ${producer.pid} ended with ${code}: ${producer.said}`);
    });
    return producer;
  }

  /** Runs a command that asks or tells the broker something. @returns `{ code, text, said }` */
  async ask(...args) {
    const actor = new Sigmq(this.#place(false), args[0], args, ['ignore', 'pipe', 'pipe']);
    const code = await actor.ended;
    return { code, text: actor.text, said: actor.said };
  }

  /** As ask, until it is done. */
  async askSurely(...args) {
    for (;;) {
      const { code } = await this.ask(...args);
      if (code === 0 || this.#ending) return;
      await sleep(RESTART_MS);
    }
  }

  /** Dead messages of a queue; undefined: nobody answers. */
  async dead(queue) {
    const { code, text } = await this.ask('dead', 'ls', '-q', queue, '-c', '100000', '--json');
    if (code !== 0) return undefined;
    return jsonLines(text).map(({ id, body, base64 }) => {
      return { id, text: Buffer.from(body, base64 ? 'base64' : 'utf8').toString() };
    });
  }

  /** How many messages the store has, by state; undefined: nobody answers. */
  async left() {
    const { code, text } = await this.ask('ls', '--json');
    if (code !== 0) return undefined;
    const queues = jsonLines(text);
    const sum = (state) => queues.reduce((total, queue) => total + queue[state], 0);
    return { waiting: sum('ready') + sum('delayed') + sum('reserved'), dead: sum('dead'), text };
  }

  /** Continues what is stopped and ends everything politely, then for sure. */
  async end() {
    this.#ending = true;
    const actors = [
      ...this.producers,
      ...this.consumers,
      ...this.hosts.map(({ broker }) => broker),
    ].filter((actor) => actor?.lives);
    for (const actor of actors) {
      actor.signal('SIGCONT');
      actor.signal('SIGTERM');
    }
    const timer = setTimeout(() => {
      for (const actor of actors) {
        if (!actor.lives) continue;
        this.wrong.push(`${actor.role} ${actor.pid} did not end after SIGTERM: ${actor.said}`);
        actor.signal('SIGKILL');
      }
    }, 60_000);
    await Promise.all(actors.map(({ exited }) => exited));
    clearTimeout(timer);
  }
}

/** Waits until a stream has taken what was written to it. */
export async function drained(stream, text) {
  if (!stream.write(text)) await once(stream, 'drain');
}

function jsonLines(text) {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
