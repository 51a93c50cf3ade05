// What is done to the processes of a run.
import { setTimeout as sleep } from 'node:timers/promises';

/** Signals of one burst: some ms of them. */
const BURST = 300;

export class Faults {
  done = {};

  constructor(cast, random) {
    this.cast = cast;
    this.random = random;
  }

  killBroker = async () => {
    if (!this.cast.broker.blocks) return false;
    await this.cast.broker.kill();
    return true;
  };

  killConsumer = async () => {
    const consumer = this.#pick(this.cast.livingConsumers);
    if (!consumer) return false;
    await consumer.kill();
    await this.cast.addConsumer();
    return true;
  };

  killProducer = async () => {
    const producer = this.#pick([...this.cast.producers]);
    await producer?.kill();
    return producer !== undefined;
  };

  stopBroker = () => this.#stop(this.cast.broker, 1500);
  stopConsumer = () => this.#stop(this.#pick(this.cast.livingConsumers), 2500);
  stopProducer = () => this.#stop(this.#pick([...this.cast.producers]), 2500);

  /** Signals of somebody who is no peer: this process. */
  foreignSignals = async () => {
    const target = this.#pick([
      this.cast.broker,
      ...this.cast.livingConsumers,
      ...this.cast.producers,
    ]);
    if (!target?.blocks) return false;
    for (let n = 0; n < BURST && target.lives; n++) {
      process.kill(target.pid, this.random.pick(['SIGUSR1', 'SIGUSR2']));
    }
    return true;
  };

  /** Does faults of these kinds until told to stop. */
  async rage(kinds, pauseMs, goOn) {
    while (goOn()) {
      await sleep(this.random.int(0, 2 * pauseMs));
      const kind = this.random.pick(kinds);
      if (await this[kind]()) this.done[kind] = (this.done[kind] ?? 0) + 1;
    }
    await Promise.all(this.#stops);
  }

  #stops = new Set();

  async #stop(actor, maxMs) {
    if (!actor?.lives || actor.stopped) return false;
    actor.stopped = true;
    actor.signal('SIGSTOP');
    const stop = sleep(this.random.int(1, maxMs)).then(() => {
      actor.signal('SIGCONT');
      actor.stopped = false;
      this.#stops.delete(stop);
    });
    this.#stops.add(stop);
    return true;
  }

  #pick(items) {
    return items.length > 0 ? this.random.pick(items) : undefined;
  }
}
