// The processes of one act: a broker that is started again whenever it ends, consumers, producers.
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor, Consumer, PlainConsumer, Sigmq } from './actor.mjs';

/** Exit codes of a `send`: done, no broker, not confirmed, time over. */
const EXPECTED = new Set([0, 69, 75, 124]);
/** Pause before a broker that ended by itself gets its successor; ms. */
const RESTART_MS = 300;

export class Cast {
  consumers = [];
  producers = new Set();
  brokers = 0;
  /** Sentences about what no process should do. */
  wrong = [];
  /** Ids of messages that were taken from consumers because they were silent for too long. */
  expired = new Set();
  /** A broker may be unable to start just now. */
  mayFailToStart = () => false;
  /** A consumer may be unable to start just now. */
  mayFailToRegister = () => false;
  #ending = false;

  /** @param clock wall clock of the broker and of every second other process; undefined: the real one */
  constructor(dir, { brokerArgs, clock, run = join(dir, 'run'), state = join(dir, 'state') }) {
    this.dir = dir;
    this.run = run;
    this.brokerArgs = brokerArgs;
    this.clock = clock;
    this.env = { ...process.env, SIGMQ_DIR: run, XDG_STATE_HOME: state };
    for (const name of ['out', 'log', 'marks']) mkdirSync(join(dir, name));
  }

  get livingConsumers() {
    return this.consumers.filter(({ lives }) => lives);
  }

  #place(hasClock) {
    const env = this.clock && hasClock ? this.clock.env(this.env) : this.env;
    return { env, log: join(this.dir, 'log'), marks: join(this.dir, 'marks') };
  }

  /** Starts a broker, and another whenever it has ended. */
  async keepBroker() {
    const args = ['broker', ...this.brokerArgs];
    const broker = new Sigmq(this.#place(true), 'broker', args, ['ignore', 'ignore', 'pipe']);
    this.broker = broker;
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
      if (!this.#ending) await this.keepBroker();
    });
    await broker.says('runs in');
    if (broker.said.includes('as a plain peer'))
      throw new Error('chaos needs the addon: npm run build');
  }

  /** What the broker says of what it did explains repeats. */
  #listen(text) {
    for (const [, id] of text.matchAll(/has not settled message (\d+) in/g))
      this.expired.add(Number(id));
    for (const [, pid] of text.matchAll(/Plain consumer (\d+) does not take/g)) {
      const plain = this.consumers.find((consumer) => consumer.pid === Number(pid));
      if (plain) plain.stalled = true;
    }
  }

  /** Starts one, again if need be, and waits until it is registered. */
  async addConsumer(args = [], Kind = Consumer) {
    while (!this.#ending) {
      const consumer = this.startConsumer(args, Kind);
      if (await consumer.says('waits for messages')) return consumer;
      const code = await consumer.ended;
      if (!consumer.died && !consumer.mayEnd && !this.mayFailToRegister())
        this.wrong.push(`consumer ${consumer.pid} did not start, ${code}: ${consumer.said}`);
      await sleep(RESTART_MS);
    }
    return undefined;
  }

  startConsumer(args = [], Kind = Consumer) {
    const { length } = this.consumers;
    const consumer = new Kind(this.#place(length % 2 === 1), this.#out(), args);
    this.consumers.push(consumer);
    void consumer.ended.then((code) => {
      if (consumer.died || this.#ending || consumer.mayEnd || this.mayFailToRegister()) return;
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

  /** Starts a `send`. @param input undefined: its standard input stays open */
  produce(args, input) {
    const place = this.#place(this.producers.size % 2 === 1);
    const producer = new Sigmq(place, 'producer', ['send', ...args], ['pipe', 'ignore', 'pipe']);
    producer.child.stdin.on('error', () => {});
    if (input !== undefined) producer.child.stdin.end(input);
    this.producers.add(producer);
    void producer.ended.then((code) => {
      this.producers.delete(producer);
      if (producer.died || this.#ending || EXPECTED.has(code)) return;
      this.wrong.push(`producer ${producer.pid} ended with ${code}: ${producer.said}`);
    });
    return producer;
  }

  /** How many messages the store has, by state; undefined: nobody answers. */
  async left() {
    const ls = new Sigmq(this.#place(false), 'ls', ['ls', '--json'], ['ignore', 'pipe', 'pipe']);
    let text = '';
    ls.child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    if ((await ls.ended) !== 0) return undefined;
    const queues = text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const sum = (state) => queues.reduce((total, queue) => total + queue[state], 0);
    return { waiting: sum('ready') + sum('delayed') + sum('reserved'), dead: sum('dead'), text };
  }

  /** Continues what is stopped and ends everything politely, then for sure. */
  async end() {
    this.#ending = true;
    const actors = [...this.producers, ...this.consumers, this.broker].filter(
      (actor) => actor?.lives,
    );
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
