// Programs that catch both signals for reasons of their own, and die of them: they get the PIDs of peers, and
// their PIDs are written into consumers.txt and broker.pid, while other programs go on editing these files.
// Nobody is hit, and who is a plain peer goes on being served.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ledger } from '../ledger.mjs';
import { messageOf } from '../message.mjs';
import { LOOKALIKE_NAMES } from '../pid-reuse.mjs';
import { produce, send } from '../produce.mjs';
import { settle } from '../settle.mjs';

/** At once. */
const MAX_STRANGERS = 15;
/** For sigmq to write down what it sees; ms. */
const PATIENCE_MS = 10_000;
/** Between two times that a file or a process can tell apart; ms. */
const TICK_MS = 50;

/**
 * Whose signals all look alike, or who catches neither: no line speaks for them. Ruby programs may be plain
 * peers, so a line that was written when one ran does.
 */
const NEVER_PEERS = LOOKALIKE_NAMES.filter((name) => !['irb', 'ruby'].includes(name));

const WAYS = [
  'lineOfStranger',
  'pidOfConsumer',
  'pidOfPlain',
  'pidOfPlainMeanwhile',
  'pidOfBroker',
  'pidFileOfStranger',
  'pidFileOfNobody',
];

export const strangers = {
  name: 'strangers',
  needs: 'PIDs',
  // It compares the times of files with start times.
  keepsTime: true,
  brokerArgs: ['--max-attempts', '1000'],
  async play({ cast, random, sizes, until, decoys }) {
    const ledger = new Ledger();
    const names = new Names(cast, random, decoys);
    const plain = await cast.addPlainConsumer();
    await Promise.all([1, 2].map(() => cast.addConsumer()));
    let sending = true;
    const naming = (async () => {
      for (let n = 0; until > 0 ? Date.now() < until : n < sizes.strangers; n++) await names.one();
      sending = false;
    })();
    await produce(cast, ledger, random, { goOn: () => sending, producers: 2 });
    await naming;
    await settle(cast, ledger);
    const before = plain.records.length;
    const numbers = Array.from({ length: 30 }, (_, n) => 1_000_000 + n);
    const messages = numbers.map((number) => messageOf(number, random));
    await send(cast, ledger, numbers, messages, ['--wait', '-W', '1m']);
    const { counts, wrong } = await settle(cast, ledger);
    if (plain.records.length === before) wrong.push('the plain consumer is not served any more');
    return { counts, wrong: [...wrong, ...names.wrong], done: names.done };
  },
};

class Names {
  done = {};
  wrong = [];
  #cast;
  #random;
  #decoys;
  #consumers;
  #broker;
  #info;
  #drawWay;
  #drawAny;
  #drawNeverPeer;

  constructor(cast, random, decoys) {
    this.#cast = cast;
    this.#random = random.of('names');
    this.#drawWay = this.#random.bag(WAYS);
    this.#drawAny = this.#random.bag(LOOKALIKE_NAMES);
    this.#drawNeverPeer = this.#random.bag(NEVER_PEERS);
    this.#decoys = decoys;
    this.#consumers = join(cast.run, 'consumers.txt');
    this.#broker = join(cast.run, 'broker.pid');
    this.#info = join(cast.run, 'broker.json');
  }

  async one() {
    await this.#cast.brokerRuns();
    const way = this.#drawWay();
    const kind = await this[way]();
    this.#decoys.endSome(MAX_STRANGERS);
    if (!kind) return;
    for (const name of [way, kind]) this.done[name] = (this.done[name] ?? 0) + 1;
    await sleep(this.#random.int(0, 300));
  }

  /** Somebody writes down a PID that is no peer's. */
  async lineOfStranger() {
    const kind = this.#drawNeverPeer();
    const pid = await this.#decoys.disguise(0, kind);
    appendFileSync(this.#consumers, `${pid}\n`);
    return kind;
  }

  /** The broker is stopped: it has not noticed that the consumer is another process. */
  async pidOfConsumer() {
    const [first] = this.#cast.livingConsumers.filter(({ role }) => role === 'consumer');
    if (!first) return undefined;
    const kind = await this.#stopped(() => this.#succeed(first));
    await this.#cast.addConsumer();
    return kind;
  }

  async pidOfPlain() {
    const plain = await this.#addNoted();
    return this.#stopped(() => this.#succeed(plain));
  }

  /** The same while there is no broker. */
  async pidOfPlainMeanwhile() {
    const plain = await this.#addNoted();
    let kind;
    await this.#cast.betweenBrokers('SIGTERM', async () => {
      kind = await this.#succeed(plain);
    });
    return kind;
  }

  /** As if it had been killed: its files stay. A plain consumer would get half a message if it were. */
  async pidOfBroker() {
    const { pid } = this.#cast.broker;
    const kind = this.#drawAny();
    let got;
    for (const file of [this.#broker, this.#info]) copyFileSync(file, `${file}.kept`);
    await this.#cast.betweenBrokers('SIGTERM', async () => {
      for (const file of [this.#broker, this.#info]) renameSync(`${file}.kept`, file);
      got = await this.#decoys.disguise(pid, kind);
      await sleep(TICK_MS);
      this.#touch(this.#broker);
      await this.#tryBroker();
    });
    return got && kind;
  }

  /** A foreign broker's file that names somebody else. */
  async pidFileOfStranger() {
    const kind = this.#drawNeverPeer();
    await this.#cast.betweenBrokers('SIGTERM', async () => {
      const pid = await this.#decoys.disguise(0, kind);
      await sleep(TICK_MS);
      writeFileSync(this.#broker, `${pid}\n`);
      await this.#tryBroker();
      rmSync(this.#broker, { force: true });
    });
    return kind;
  }

  /** A foreign broker that has ended; then somebody gets its PID. */
  async pidFileOfNobody() {
    const kind = this.#drawAny();
    let got;
    await this.#cast.betweenBrokers('SIGTERM', async () => {
      const nobody = this.#cast.addBystander();
      await nobody.kill();
      writeFileSync(this.#broker, `${nobody.pid}\n`);
      await sleep(TICK_MS);
      got = await this.#decoys.disguise(nobody.pid, kind);
      await this.#tryBroker();
      rmSync(this.#broker, { force: true });
    });
    return got && kind;
  }

  /** A plain consumer whose start time sigmq has written down. */
  async #addNoted() {
    const plain = await this.#cast.addPlainConsumer();
    const line = new RegExp(`^${plain.pid} (.* )?start=\\d`, 'm');
    const deadline = Date.now() + PATIENCE_MS;
    while (!line.test(readFileSync(this.#consumers, 'latin1'))) {
      if (Date.now() > deadline) {
        this.wrong.push(`no start time stands behind ${plain.pid} in consumers.txt`);
        break;
      }
      await sleep(TICK_MS);
    }
    return plain;
  }

  /** Kills a consumer, gives its PID away, and makes the file that names it young. */
  async #succeed(consumer) {
    const text = readFileSync(this.#consumers, 'latin1');
    const kind = this.#drawAny();
    await consumer.kill();
    const pid = await this.#decoys.disguise(consumer.pid, kind);
    await sleep(TICK_MS);
    this.#edit(text, consumer.pid);
    return pid && kind;
  }

  async #stopped(work) {
    const { broker } = this.#cast;
    broker.signal('SIGSTOP');
    try {
      return await work();
    } finally {
      broker.signal('SIGCONT');
    }
  }

  /** @param text in which the line of a PID may still stand */
  #edit(text, pid) {
    const line = text.split('\n').find((one) => one.startsWith(`${pid} `) || one === `${pid}`);
    switch (this.#random.int(1, 3)) {
      case 1:
        return this.#touch(this.#consumers);
      case 2:
        return appendFileSync(this.#consumers, '# edited\n');
      default:
        // Of an editor that had read the file before.
        return line && appendFileSync(this.#consumers, `${line}\n`);
    }
  }

  #touch(path) {
    const now = new Date();
    if (existsSync(path)) utimesSync(path, now, now);
  }

  /** Nobody is there; who looks hits nobody. */
  async #tryBroker() {
    await this.#cast.ask('send', 'to nobody');
    if (this.#random.oneIn(2)) await this.#cast.ask('status');
  }
}
