/** Two brokers, as on two hosts, and one store. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { QueueStatus, Status } from '../../src/status.ts';
import { type Program, Stage, stopped, until } from '../e2e/harness.ts';
import { endAfter } from '../end-after.ts';
import { PostgresServer, withoutPostgres } from './server.ts';

let schemas = 0;

class Host {
  readonly stage: Stage;
  readonly broker: Program;

  constructor(stage: Stage, broker: Program) {
    this.stage = stage;
    this.broker = broker;
  }

  /** A command that has to succeed. @returns what it prints */
  async sigmq(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.stage.sigmq(args).ended;
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout.toString();
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.sigmq('status', '--json'));
  }

  /** Of queues with messages. */
  async counts(): Promise<QueueStatus[]> {
    const { queues } = await this.status();
    return queues.filter((one) => one.ready + one.delayed + one.reserved + one.dead > 0);
  }
}

describe('brokers that share a store', { skip: withoutPostgres }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.remove());

  /** Two runtime directories, each with a broker. */
  const given = async (t: TestContext, args: readonly string[] = []) => {
    const url = server.url(`h${++schemas}`);
    const start = async () => {
      const stage = new Stage(t);
      return new Host(stage, await stage.broker(['--store', url, ...args]));
    };
    return { a: await start(), b: await start(), url };
  };

  it('bring what is sent to one to the consumers of the other', async (t) => {
    const { a, b } = await given(t);
    const consumer = await b.stage.consumer();
    await a.stage.sent(['größer']);
    assert.deepEqual(await consumer.printed(1), ['größer']);
    const lines = Array.from({ length: 300 }, (_, n) => `${n}`);
    await a.stage.sent(['--lines'], { stdin: lines.join('\n') });
    assert.deepEqual(await consumer.printed(301), ['größer', ...lines]);
  });

  it('give each message to one consumer, whoever has one', async (t) => {
    const { a, b } = await given(t);
    const consumers = [await a.stage.consumer(), await b.stage.consumer()];
    const lines = Array.from({ length: 200 }, (_, n) => `${n}`);
    for (const { stage } of [a, b]) {
      const half = lines.filter((_, n) => n % 2 === (stage === a.stage ? 0 : 1));
      await stage.sent(['--lines'], { stdin: half.join('\n') });
    }
    const got = () => consumers.flatMap(({ lines }) => lines);
    await until('all lines', () => got().length >= 200);
    await until('an empty store', async () => (await a.counts()).length === 0);
    assert.deepEqual(
      got().sort((x, y) => Number(x) - Number(y)),
      lines,
    );
  });

  it('see what is done by hand on the other host', async (t) => {
    const { a, b } = await given(t, ['--max-attempts', '1']);
    await a.sigmq('pause');
    const consumer = await b.stage.consumer();
    await b.stage.sent(['held']);
    assert.equal((await b.counts())[0]?.paused, true);
    await b.stage.sent(['-q', 'gone', 'purged']);
    await a.sigmq('purge', 'gone', '--force');
    assert.deepEqual(
      (await b.counts()).map(({ queue }) => queue),
      ['default'],
    );
    assert.deepEqual(consumer.lines, []);
    await a.sigmq('resume');
    assert.deepEqual(await consumer.printed(1), ['held']);
    await b.stage.sent(['-q', 'dead', 'kicked']);
    const failed = await b.stage.sigmq(['consume', '-q', 'dead', '-c1', '--', 'false']).ended;
    assert.equal(failed.signal, null);
    await until('a dead message', async () => (await a.counts()).some(({ dead }) => dead === 1));
    const other = await b.stage.consumer(['-q', 'dead']);
    await a.sigmq('dead', 'kick', '-q', 'dead');
    assert.deepEqual(await other.printed(1), ['kicked']);
  });

  it('deliver a delayed message also when the broker that took it is gone', async (t) => {
    const { a, b } = await given(t);
    const consumer = await b.stage.consumer();
    await a.stage.sent(['--delay', '1s', 'later']);
    a.broker.signal('SIGKILL');
    await a.broker.ended;
    assert.deepEqual(await consumer.printed(1), ['later']);
  });

  it('keep to limits together', async (t) => {
    const { a, b } = await given(t, ['--max-messages', '10']);
    await a.stage.sent(['--lines'], { stdin: 'x\n'.repeat(6) });
    await b.stage.sent(['--lines'], { stdin: 'x\n'.repeat(4) });
    const { code, stderr } = await a.stage.send(['too much']);
    assert.deepEqual([code, /full/.test(stderr)], [75, true], stderr);
    await b.sigmq('purge', '--force');
    await a.stage.sent(['fits']);
  });

  it('know each other', async (t) => {
    const { a, b } = await given(t);
    const { engine, store } = await a.status();
    assert.deepEqual(
      engine?.brokers.map(({ dir, draining }) => [dir, draining]),
      [[b.stage.dir, false]],
    );
    assert.deepEqual([engine?.name, engine?.notifies, engine?.error], ['PostgreSQL', true, null]);
    assert.match(store, /^postgres:/);
    await b.stage.sent(['--delay', '1h', 'keeps it']);
    await b.sigmq('drain');
    await until('the drain', async () => (await a.status()).engine?.brokers[0]?.draining);
    b.broker.signal('SIGTERM');
    assert.equal((await b.broker.ended).code, 0);
    assert.deepEqual((await a.status()).engine?.brokers, []);
    const { stdout } = await a.stage.sigmq(['status']).ended;
    assert.match(stdout.toString(), /PostgreSQL \d+\.\d+, answers in/);
  });

  it('take over what a killed one held, when its lease is over', async (t) => {
    const { a, b } = await given(t, ['--lease', '1s']);
    const go = a.stage.path('go');
    const script = `while ! [ -e ${go} ]; do sleep 0.05; done`;
    const worker = await a.stage.consumer(['--', 'sh', '-c', script]);
    await a.stage.sent(['work']);
    await until('the work', async () => (await b.counts())[0]?.reserved === 1);
    for (const program of [a.broker, worker]) program.signal('SIGKILL');
    const consumer = await b.stage.consumer();
    assert.deepEqual(await consumer.printed(1), ['work']);
    writeFileSync(go, ''); // the command has outlived its consumer
  });

  it('go on with what the former broker of a directory held, at once', async (t) => {
    const { a, url } = await given(t, ['--lease', '10m']);
    const go = a.stage.path('go');
    const script = `while ! [ -e ${go} ]; do sleep 0.05; done; cat; echo`;
    const worker = await a.stage.consumer(['--', 'sh', '-c', script]);
    await a.stage.sent(['work']);
    await until('the work', async () => (await a.counts())[0]?.reserved === 1);
    a.broker.signal('SIGKILL');
    await a.broker.ended;
    await a.stage.broker(['--store', url]);
    writeFileSync(go, '');
    await until('its end', async () => (await a.counts()).length === 0);
    assert.deepEqual(worker.lines, ['work']);
  });

  it('tell the consumers of a stopped one that their work went to others', async (t) => {
    const { a, b } = await given(t, ['--lease', '1s']);
    const go = a.stage.path('go');
    const script = `while ! [ -e ${go} ]; do sleep 0.05; done; cat; echo`;
    const worker = await a.stage.consumer(['--', 'sh', '-c', script]);
    await a.stage.sent(['work']);
    await until('the work', async () => (await b.counts())[0]?.reserved === 1);
    await stopped(a.broker);
    const consumer = await b.stage.consumer();
    assert.deepEqual(await consumer.printed(1), ['work']);
    a.broker.signal('SIGCONT');
    writeFileSync(go, '');
    await a.broker.says(/Message \d+ of consumer \d+ went to another broker/);
    assert.equal((await a.counts()).length, 0);
    assert.deepEqual(worker.lines, ['work']);
  });

  it('refuse at once while the store is away, and go on when it is back', async (t) => {
    const { a, b } = await given(t);
    const consumer = await b.stage.consumer();
    server.kill();
    await a.broker.says('cannot be reached');
    const refused = await a.stage.send(['not now']);
    assert.equal(refused.code, 75, refused.stderr);
    const { engine } = await a.status();
    assert.match(engine?.error ?? '', /cannot be reached/);
    const doctor = await a.stage.sigmq(['doctor']).ended;
    assert.match(doctor.stdout.toString(), /cannot be reached/);
    server.run();
    await a.broker.says('can be reached again');
    await a.stage.sent(['now']);
    assert.deepEqual(await consumer.printed(1), ['now']);
    assert.equal(a.broker.stderr.match(/cannot be reached/g)?.length, 1, a.broker.stderr);
  });

  it('are told by the doctor what endangers their messages, also before they run', async (t) => {
    const risky = await PostgresServer.start({ config: 'fsync = off\nautovacuum = off' });
    endAfter(t, () => risky.remove());
    const env = { SIGMQ_STORE: risky.url('sigmq') };
    const before = await new Stage(t).sigmq(['doctor'], { env }).ended;
    const stage = new Stage(t);
    await stage.broker([], { env });
    const running = await stage.sigmq(['doctor']).ended;
    for (const { code, stdout } of [before, running]) {
      assert.equal(code, 1);
      assert.match(stdout.toString(), /fsync is off: a crash of its machine loses/);
      assert.match(stdout.toString(), /autovacuum is off/);
      assert.match(stdout.toString(), /PostgreSQL \d+\.\d+: it answers in [\d.]+ ms/);
    }
    const healthy = await new Stage(t).sigmq(['doctor'], {
      env: { SIGMQ_STORE: server.url('healthy') },
    }).ended;
    assert.doesNotMatch(healthy.stdout.toString(), /is off/);
  });

  it('never show a password', async (t) => {
    const stage = new Stage(t);
    const secret = 'geheim-0815';
    const url = server.url('p').replace('postgres@', `postgres:${secret}@`);
    const { code, stderr } = await stage.sigmq(['broker', '--store', url]).ended;
    assert.deepEqual([code, stderr.includes(secret)], [64, false], stderr);
    const env = { PGPASSWORD: secret };
    const broker = await stage.broker(['--store', server.url('p')], { env });
    const status = await stage.sigmq(['status', '--json']).ended;
    assert.ok(!`${broker.stderr}${status.stdout}`.includes(secret));
  });
});
