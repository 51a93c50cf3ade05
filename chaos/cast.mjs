// The processes of a run: all of them are children of this one and are signalled by their own PID only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SIGMQ = fileURLToPath(new URL('../dist/bin/sigmq.js', import.meta.url));

class Actor {
  constructor(cast, args, stdio) {
    this.child = spawn(process.execPath, [SIGMQ, ...args], { env: cast.env, stdio });
    this.pid = this.child.pid;
    this.ended = once(this.child, 'close').then(([code, signal]) => code ?? signal);
    this.said = '';
    this.died = false;
    this.stopped = false;
    this.child.stderr?.on('data', (chunk) => {
      this.said += chunk;
    });
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

  signal(name) {
    if (this.lives) this.child.kill(name);
  }

  kill() {
    this.died = true;
    this.signal('SIGKILL');
    return this.ended;
  }

  async says(text) {
    while (!this.said.includes(text)) {
      if (!this.lives) return false;
      await Promise.race([once(this.child.stderr, 'data'), this.ended]);
    }
    return true;
  }
}

class Consumer extends Actor {
  constructor(cast, path, args) {
    super(cast, ['consume', ...args], ['ignore', openSync(path, 'a'), 'pipe']);
    this.path = path;
  }

  get lines() {
    return readFileSync(this.path, 'utf8').split('\n').slice(0, -1);
  }
}

export class Cast {
  consumers = [];
  producers = new Set();
  brokers = 0;
  #ending = false;

  constructor(dir, brokerArgs) {
    this.dir = dir;
    this.brokerArgs = brokerArgs;
    this.env = { ...process.env, SIGMQ_DIR: join(dir, 'run'), XDG_STATE_HOME: join(dir, 'state') };
    mkdirSync(join(dir, 'out'));
  }

  get livingConsumers() {
    return this.consumers.filter(({ lives }) => lives);
  }

  /** Starts a broker, and another whenever it has ended. */
  async keepBroker() {
    const started = performance.now();
    this.broker = new Actor(this, ['broker', ...this.brokerArgs], ['ignore', 'ignore', 'pipe']);
    this.brokers++;
    const { broker } = this;
    void broker.ended.then((code) => {
      if (this.#ending) return;
      if (!broker.died) throw new Error(`the broker ended by itself with ${code}: ${broker.said}`);
      void this.keepBroker();
    });
    if (await broker.says('runs in'))
      this.slowestStart = Math.max(this.slowestStart ?? 0, performance.now() - started);
  }

  async addConsumer(args = []) {
    const path = join(this.dir, 'out', String(this.consumers.length));
    const consumer = new Consumer(this, path, args);
    this.consumers.push(consumer);
    await consumer.says('waits for messages');
    return consumer;
  }

  /** Starts a `send`. */
  produce(args, input) {
    const producer = new Actor(this, ['send', ...args], ['pipe', 'ignore', 'pipe']);
    producer.child.stdin.on('error', () => {});
    producer.child.stdin.end(input);
    this.producers.add(producer);
    void producer.ended.then(() => this.producers.delete(producer));
    return producer;
  }

  /** Continues what is stopped and ends everything politely. */
  async end() {
    this.#ending = true;
    for (const actor of [...this.producers, ...this.consumers, this.broker]) {
      actor?.signal('SIGCONT');
      actor?.signal('SIGTERM');
      await actor?.ended;
    }
  }
}
