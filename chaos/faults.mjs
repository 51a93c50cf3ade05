// What is done to the processes of a run.
import { setTimeout as sleep } from 'node:timers/promises';

/** Signals of one burst: some ms of them. */
const BURST = 300;
const HOUR_MS = 3_600_000;
/** Strangers who have a PID that was a peer's, at once. */
const MAX_DECOYS = 30;

export class Faults {
  done = {};
  /** The next fault waits for the successor of a consumer: on a busy machine they die faster than they start. */
  isPatient = false;
  /** A send is refused while the store is away, also one that waits for a broker. */
  sparesEngine = false;
  #stops = new Set();

  /** @param decoys undefined: PIDs cannot be chosen here */
  constructor(cast, random, decoys) {
    this.cast = cast;
    this.random = random.of('faults');
    this.decoys = decoys;
  }

  killBroker = async () => {
    if (!this.cast.broker.blocks) return false;
    await this.cast.broker.kill();
    return true;
  };

  /** Politely: what it has it keeps, or gives back. */
  restartBroker = async () => {
    if (!this.cast.broker.blocks) return false;
    this.cast.broker.mayEnd = true;
    this.cast.broker.signal('SIGTERM');
    await this.cast.broker.exited;
    return true;
  };

  /** Politely: it finishes what it has, or gives it back, and nothing comes twice. */
  endConsumer = async () => {
    const consumer = this.#pick(this.#echoConsumers);
    // Asked twice it ends at once, whatever it has in hand.
    if (!consumer?.blocks || consumer.mayEnd) return false;
    const { host } = consumer;
    const { broker } = host;
    consumer.mayEnd = true;
    consumer.signal('SIGTERM');
    // With no broker to be told of what it finished it is as good as killed.
    void consumer.exited.then(() => {
      consumer.died ||= host.broker !== broker || !broker.lives || broker.mayEnd === true;
    });
    // An earlier broker may have ended before it could be told.
    void consumer.ended.then(() => {
      consumer.died ||= consumer.said.includes('was not told how');
    });
    await this.replace(consumer);
    return true;
  };

  killConsumer = async () => {
    const consumer = this.#pick(this.#echoConsumers);
    if (!consumer) return false;
    await consumer.kill();
    await this.replace(consumer);
    return true;
  };

  killProducer = async () => {
    const producer = this.#pick([...this.cast.producers]);
    await producer?.kill();
    return producer !== undefined;
  };

  stopBroker = () => this.#stop(this.cast.broker, 1500);
  stopConsumer = () => this.#stop(this.#pick(this.#echoConsumers), 2500);
  stopProducer = () => this.#stop(this.#pick([...this.cast.producers]), 2500);

  /** Signals of somebody who is no peer: this process. */
  foreignSignals = async () => {
    const target = this.#pick([this.cast.broker, ...this.#echoConsumers, ...this.cast.producers]);
    if (!target?.blocks) return false;
    for (let n = 0; n < BURST && target.lives; n++) {
      target.signal(this.random.pick(['SIGUSR1', 'SIGUSR2']));
    }
    return true;
  };

  /** The wall clock of the broker and of half of the others goes forward or back by hours. */
  jumpClock = async () => {
    if (!this.cast.clock) return false;
    this.cast.clock.set(this.random.int(-48, 48) * HOUR_MS + this.random.int(0, 999));
    return true;
  };

  /** A peer is killed, and somebody who has nothing to do with us gets its PID. */
  reusePid = async () => {
    const victim = this.#pick([...this.#echoConsumers, ...this.cast.producers]);
    if (!victim || !this.decoys) return false;
    const took = await this.#reuse(victim);
    if (this.cast.consumers.includes(victim)) void this.replace(victim);
    return took;
  };

  /** The same while the broker is stopped: it still has that peer's signals to take. */
  reusePidOfStopped = async () => {
    const { broker } = this.cast;
    if (!broker.blocks || broker.stopped || !this.decoys) return false;
    const victim = this.#pick([...this.cast.producers, ...this.#echoConsumers]);
    if (!victim) return false;
    broker.stopped = true;
    broker.signal('SIGSTOP');
    await sleep(this.random.int(0, 20));
    const took = await this.#reuse(victim);
    broker.signal('SIGCONT');
    broker.stopped = false;
    if (this.cast.consumers.includes(victim)) void this.replace(victim);
    return took;
  };

  /** And to a broker, of which broker.pid still speaks until there is another. */
  reusePidOfBroker = async () => {
    const { broker } = this.cast;
    if (!broker.blocks || !this.decoys) return false;
    let goOn;
    broker.beforeSuccessor = new Promise((resolve) => {
      goOn = resolve;
    });
    const took = await this.#reuse(broker);
    await sleep(this.random.int(0, 500));
    goOn();
    return took;
  };

  /** The server of the store is killed, and started again. */
  killEngine = () => this.#onEngine((engine) => engine.kill());
  /** The network between it and this host is cut, for longer than a lease at times. */
  cutEngine = () => this.#onEngine((engine) => engine.cut(this.cast.host.n, this.random));
  /** It is killed for good, and its standby takes over. */
  promoteEngine = () => this.#onEngine((engine) => engine.promote());

  async #onEngine(work) {
    const { engine } = this.cast;
    // A crash may undo the settlements of its last moment.
    this.cast.noteLastDeliveries();
    return engine ? work(engine) : false;
  }

  /** Does faults of these kinds, and to the engine if there is one, until told to stop. */
  async rage(some, pauseMs, goOn) {
    const kinds = [...some, ...(this.sparesEngine ? [] : (this.cast.engine?.faults ?? []))];
    while (goOn()) {
      await sleep(this.random.int(0, 2 * pauseMs));
      const kind = this.random.pick(kinds);
      this.cast.host = this.random.pick(this.cast.hosts);
      if (await this[kind]()) this.done[kind] = (this.done[kind] ?? 0) + 1;
    }
    await Promise.all(this.#stops);
  }

  async replace(consumer) {
    const added = this.cast.addConsumer(consumer.args, consumer.constructor);
    if (this.isPatient) await added;
  }

  get #echoConsumers() {
    return this.cast.livingConsumers.filter(({ role }) => role !== 'plain');
  }

  async #reuse(victim) {
    await victim.kill();
    this.decoys.endSome(MAX_DECOYS);
    return this.decoys.take(victim.pid, this.random.pick(['ordinary', 'stubborn']));
  }

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
