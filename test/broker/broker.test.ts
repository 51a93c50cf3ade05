/** The broker of this process, with producers and consumers in others. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Broker } from '../../src/broker/broker.ts';
import type { BrokerOptions } from '../../src/broker/options.ts';
import type { StoreOptions } from '../../src/queue/store-options.ts';
import { loadAddon } from '../../src/signals/addon.ts';
import { type Child, start, startModule, tempDir, until } from '../registry/children.ts';

const INDEX = JSON.stringify(new URL('../../src/index.js', import.meta.url).href);
const PLAIN_CONSUMER = fileURLToPath(
  new URL('../../../test/fixtures/plain_consumer.py', import.meta.url),
);
const WORKER = fileURLToPath(new URL('../../../test/fixtures/worker.mjs', import.meta.url));

/** One runtime directory and what its broker says. */
class Scene {
  readonly dir: string;
  readonly said: string[] = [];
  stopRequests = 0;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    this.dir = tempDir(t);
  }

  async broker(options: BrokerOptions = {}): Promise<Broker> {
    const store: StoreOptions = { kind: 'sqlite', folder: join(this.dir, 'store'), fsync: 'never' };
    const broker = await Broker.open({
      dir: this.dir,
      store: { ...store, backoffMs: 1 },
      onEvent: ({ level, message }) => this.said.push(`${level}: ${message}`),
      ...options,
    });
    void broker.stopRequested.then(() => this.stopRequests++);
    this.#t.after(() => broker.close());
    return broker;
  }

  /** A consumer that does what messages say; ready when the broker knows it. */
  async worker(options: object = {}): Promise<Worker> {
    const child = start(this.#t, process.execPath, [WORKER, this.dir, JSON.stringify(options)]);
    const worker = new Worker(child);
    await until(() => this.consumers().includes(`${child.pid} `));
    return worker;
  }

  consumers(): string {
    const path = join(this.dir, 'consumers.txt');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** A producer that evaluates `statements`; what they print. */
  async produce(statements: string): Promise<unknown> {
    const child = startModule(
      this.#t,
      `import { Inspector, Producer } from ${INDEX};
const dir = ${JSON.stringify(this.dir)};
const producer = await Producer.open({ dir });
const inspector = await Inspector.open({ dir });
const print = (value) => console.log(JSON.stringify(value ?? null));
${statements}
await inspector.close();
await producer.close();`,
    );
    const line = await child.line();
    assert.equal(await child.exited, 0);
    return line === undefined ? undefined : JSON.parse(line);
  }
}

/** A child and the messages that it has got. */
class Worker {
  readonly pid: number;
  readonly child: Child;
  readonly got: { text: string; attempt: number; id: number }[] = [];

  constructor(child: Child) {
    this.child = child;
    this.pid = child.pid;
    void this.#read();
  }

  get texts(): string[] {
    return this.got.map(({ text }) => text);
  }

  async #read(): Promise<void> {
    for (let line = await this.child.line(); line !== undefined; line = await this.child.line()) {
      this.got.push(JSON.parse(line));
    }
  }
}

describe('Broker', { skip: loadAddon().why ?? false }, () => {
  it('publishes its PID when it is safe to signal, and takes it back', async (t) => {
    const scene = new Scene(t);
    const broker = await scene.broker();
    assert.equal(readFileSync(join(scene.dir, 'broker.pid'), 'utf8'), `${process.pid}\n`);
    assert.match(broker.storeName, /queue\.db$/);
    assert.equal(broker.plainBecause, undefined);
    await assert.rejects(scene.broker(), { exitCode: 78 });
    const closing = broker.close();
    assert.equal(broker.close(), closing);
    await closing;
    assert.equal(existsSync(join(scene.dir, 'broker.pid')), false);
  });

  it('gives messages to consumers in turn, and knows what they do', async (t) => {
    const scene = new Scene(t);
    await scene.broker();
    const [one, two] = [
      await scene.worker(),
      await scene.worker({ queues: ['default', 'q'], jobs: 3 }),
    ];
    const status = (await scene.produce(
      `for (const body of 'abcd') {
  await producer.send(body);
  while ((await inspector.counts()).some(({ ready, reserved }) => ready + reserved > 0));
}
print(await inspector.status());`,
    )) as { accepted: number; consumers: { pid: number; jobs: number; queues: string[] }[] };
    await until(() => one.got.length + two.got.length === 4);
    assert.deepEqual(
      [one.texts, two.texts],
      [
        ['a', 'c'],
        ['b', 'd'],
      ],
    );
    assert.equal(status.accepted, 4);
    assert.deepEqual(
      status.consumers.map(({ pid, jobs, queues }) => [pid, jobs, queues]),
      [
        [one.pid, 1, ['default']],
        [two.pid, 3, ['default', 'q']],
      ],
    );
  });

  it('brings again what failed, and what is delayed when it is due', async (t) => {
    const scene = new Scene(t);
    await scene.broker();
    const worker = await scene.worker();
    await scene.produce(
      "await producer.send('later', { delayMs: 50 }); await producer.send('fail-once');",
    );
    await until(() => worker.got.length === 3);
    assert.deepEqual(worker.texts.sort(), ['fail-once', 'fail-once', 'later']);
  });

  it('notices that a consumer ends or leaves, and gives what it held to another', async (t) => {
    const scene = new Scene(t);
    await scene.broker();
    const first = await scene.worker();
    await scene.produce("await producer.send('hang-once');");
    await until(() => first.got.length === 1);
    const second = await scene.worker();
    await first.child.kill('SIGKILL');
    await until(() => second.got.length === 1);
    assert.deepEqual(
      second.got.map(({ text, attempt, id }) => [text, attempt, id]),
      [['hang-once', 2, first.got[0]?.id]],
    );
    await second.child.kill('SIGTERM');
    const pattern = new RegExp(`^info: Consumer ${second.pid} (left|ended)\\.$`);
    await until(() => scene.said.some((line) => pattern.test(line)));
    assert.ok(scene.said.includes(`info: Consumer ${first.pid} ended.`));
    await until(() => scene.consumers() === '');
  });

  it('asks consumers after a restart what became of what they held', async (t) => {
    const scene = new Scene(t);
    const broker = await scene.broker();
    const worker = await scene.worker();
    await scene.produce("await producer.send('slow');");
    await until(() => worker.got.length === 1);
    await broker.close();
    await scene.broker();
    worker.child.say('finish\n');
    await scene.produce("await producer.send('next');");
    await until(() => worker.texts.includes('next'));
    assert.deepEqual(worker.texts, ['slow', 'next']);
  });

  it('loses what a consumer held that has ended meanwhile', async (t) => {
    const scene = new Scene(t);
    const broker = await scene.broker();
    const first = await scene.worker();
    await scene.produce("await producer.send('hang-once');");
    await until(() => first.got.length === 1);
    await broker.close();
    await first.child.kill('SIGKILL');
    await scene.broker();
    const second = await scene.worker();
    await until(() => second.got.length === 1);
    assert.equal(second.got[0]?.attempt, 2);
  });

  it('gives a plain consumer that was there before it each message once', async (t) => {
    const scene = new Scene(t);
    const first = await scene.broker();
    await scene.produce(`await producer.sendAll(['a', 'b']);`);
    await first.close();
    const plain = start(t, 'python3', [PLAIN_CONSUMER, scene.dir]);
    await until(() => scene.consumers() !== '');
    await scene.broker();
    assert.deepEqual([await plain.line(), await plain.line()], ['a', 'b']);
    await scene.produce(`await producer.send('c');`);
    assert.equal(await plain.line(), 'c', 'neither of them came again');
  });

  it('takes messages and consumers of other programs', async (t) => {
    const scene = new Scene(t);
    await scene.broker();
    appendFileSync(join(scene.dir, 'consumers.txt'), 'junk\n');
    await until(() => scene.said.some((line) => line.startsWith('warn: consumers.txt has a line')));
    const worker = await scene.worker();
    const fixture = fileURLToPath(
      new URL('../../../test/fixtures/plain_producer.py', import.meta.url),
    );
    const producer = start(t, 'python3', [fixture, scene.dir, 'from python']);
    await producer.exited;
    await until(() => worker.got.length === 1);
    assert.deepEqual(worker.texts, ['from python']);
  });

  it('drains: takes nothing new, gives out what it has, and asks to be stopped', async (t) => {
    const scene = new Scene(t);
    await scene.broker();
    const code = await scene.produce(`await producer.send('last');
await producer.send('delayed', { delayMs: 1 });
await inspector.drain();
await producer.send('too late').catch((error) => print(error.code));`);
    assert.equal(code, 'closing');
    assert.equal(scene.stopRequests, 0);
    const worker = await scene.worker();
    await until(() => scene.stopRequests > 0);
    await until(() => worker.got.length === 2);
  });

  it('asks to be stopped when it is told to', async (t) => {
    const scene = new Scene(t);
    await scene.broker({ store: { kind: 'memory' }, maxMessageBytes: 10 });
    assert.equal(
      await scene.produce('await inspector.stop(); print(producer.maxMessageBytes);'),
      10,
    );
    assert.equal(scene.stopRequests, 1);
  });

  it('is closed when its signal aborts, and does not open after that', async (t) => {
    const scene = new Scene(t);
    const abort = new AbortController();
    const { signal } = abort;
    const broker = await scene.broker({ signal });
    abort.abort(new Error('enough'));
    assert.equal(await broker.stopRequested, undefined);
    await broker.close();
    assert.equal(existsSync(join(scene.dir, 'broker.pid')), false);
    await assert.rejects(scene.broker({ signal }), /^Error: enough$/);
  });

  it('does not stay open when its signal aborts while it opens', async (t) => {
    const scene = new Scene(t);
    const abort = new AbortController();
    const opening = scene.broker({ signal: abort.signal });
    abort.abort(new Error('enough'));
    await assert.rejects(opening, /^Error: enough$/);
    assert.equal(existsSync(join(scene.dir, 'broker.pid')), false);
    await scene.broker();
  });

  it('is closed when it is disposed of', async (t) => {
    const scene = new Scene(t);
    const broker = await scene.broker();
    await broker[Symbol.asyncDispose]();
    assert.equal(existsSync(join(scene.dir, 'broker.pid')), false);
    await broker[Symbol.asyncDispose]();
  });
});
