// What is done in a round. Each gets the stage and a `random` of its own.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { anyArguments } from './arguments.mjs';
import { anyBrokerJson, anyConfig, anyConsumersFile, anyPidFile, damaged } from './files.mjs';
import { anyBits, anyFrame } from './frames.mjs';
import { Child, until, Wrong } from './stage.mjs';
import { anyText, times } from './values.mjs';

const fixture = (name) => fileURLToPath(new URL(name, import.meta.url));
const NODE = process.execPath;
/** A hostile process must not be hit: neither by its default action nor by its handler. */
const UNHIT = new Set([0]);

/** Processes that send random signals and frames to the broker or a consumer. */
async function signals(stage, random) {
  // What plain processes send to a consumer is a message of a plain broker to it: the good one stays out.
  const target = random.pick([stage.broker, stage.broker, stage.eater]);
  const count = random.int(1, 6);
  const hostile = times(count, () => {
    const how = random.pick(['block', 'block', 'catch', 'neither']);
    const call = random.pick(['kill', 'tgkill', 'both']);
    const orders = times(random.int(0, 8), () => {
      const { frame, bits } = random.int(0, 2) > 0 ? anyFrame(random) : anyBits(random);
      // As an honest peer would, without waiting for echoes, and one that gives up soon.
      const wait = how === 'block' ? random.pick([20, 20, 0.02]) : bits < 3000 ? 0.1 : 0;
      const listen = random.int(0, 3) === 0 ? [`listen ${random.int(1, 100)}`] : [];
      return [`${frame.toString('hex') || '00'} ${bits} ${wait}`, ...listen];
    });
    const end = random.int(0, 3) === 0 ? ['exit'] : [];
    const input = `${[...orders.flat(), ...end].join('\n')}\n`;
    const args = [fixture('hostile.py'), `${target.pid}`, target.start, how, call];
    return new Child('python3', args, { input });
  });
  for (const child of hostile) {
    const code = await child.end();
    stage.judge(child, code, UNHIT);
    if (/hits [^0]/.test(child.out)) throw new Wrong(`${child.name} was hit: ${child.out}`);
  }
}

/** Requests of all types, asked properly: each is answered. */
async function requests(stage, random) {
  const args = [fixture('asker.mjs'), stage.run, `${random.int(0, 1e9)}`, `${random.int(5, 40)}`];
  const asker = new Child(NODE, args, { env: stage.env });
  const code = await asker.end();
  if (code !== 0) throw new Wrong(`a request was not answered: ${asker.out}${asker.err}`);
}

/** Hostile files, while the broker and commands run. */
async function files(stage, random) {
  const { broker, eater, decoys } = stage;
  const pids = [decoys[0].pid, decoys[1].pid];
  const makers = {
    'broker.pid': () => anyPidFile(random, pids),
    'broker.json': () => anyBrokerJson(random, pids),
    'consumers.txt': () => anyConsumersFile(random, [...pids, broker.pid, eater.pid]),
    bus: () => Buffer.from(times(random.int(0, 100), () => random.int(0, 255))),
  };
  const commands = [['status'], ['ls', '--json'], ['doctor'], ['peek'], ['send', '-W', '5s', 'x']];
  for (let n = random.int(1, 3); n > 0; n--) {
    const running = [random.pick(commands), random.pick(commands)].map((args) =>
      stage.command(args, { runMs: 45_000 }),
    );
    const name = random.pick(Object.keys(makers));
    writeFileSync(join(stage.run, name), makers[name](), { mode: 0o600 });
    await Promise.all([...running, stage.command(random.pick(commands), { runMs: 45_000 })]);
    stage.checkDecoys();
    stage.mend();
  }
}

/** A store with messages in all states, whose log is not yet in the database. */
async function makeStore(stage) {
  const dir = join(stage.dir, 'stored');
  const env = { SIGMQ_DIR: join(dir, 'run'), XDG_STATE_HOME: join(dir, 'state') };
  mkdirSync(dir);
  const data = join(dir, 'data');
  const broker = stage.sigmq(['broker', '--data', data, '--max-attempts', '1'], { env });
  await until(
    () => broker.err,
    () => broker.err.includes('runs in'),
  );
  const lines = times(40, (n) => `message ${n} ${'·'.repeat(n * 7)}`).join('\n');
  for (const args of [['-H', 'k:v', '-q', 'q'], ['--delay', '1h'], ['--ttl', '1h'], []])
    await stage.command(['send', '--lines', ...args], { env, input: lines, runMs: 30_000 });
  await stage.command(['consume', '-c2', '--', 'false'], { env, runMs: 30_000 });
  const holder = stage.sigmq(['consume', '--', 'sleep', '1'], { env });
  await until(
    () => holder.err,
    () => holder.err.includes('waits'),
  );
  await stage.command(['pause', 'q'], { env, runMs: 30_000 });
  broker.child.kill('SIGKILL');
  await broker.ended;
  await holder.stop();
  return data;
}

/** Damaged stores: the broker starts, or says why not. */
async function stores(stage, random) {
  stage.store ??= await makeStore(stage);
  for (let n = 0; n < 3; n++) {
    const dir = join(stage.dir, 'damaged');
    const data = join(dir, 'data');
    cpSync(stage.store, data, { recursive: true });
    for (const name of random.pick([
      ['queue.db'],
      ['queue.db-wal'],
      ['queue.db', 'queue.db-wal'],
    ])) {
      const path = join(data, name);
      writeFileSync(path, damaged(random, readFileSync(path)));
    }
    if (random.int(0, 3) === 0) rmSync(join(data, 'queue.db-wal'));
    const env = { SIGMQ_DIR: join(dir, 'run'), XDG_STATE_HOME: join(dir, 'state') };
    const run = (args, runMs = 40_000) => stage.command(args, { env, runMs });
    if (random.int(0, 2) === 0) await run(['ls', '--data', data]);
    if (random.int(0, 2) === 0) await run(['peek', '--data', data]);
    const broker = stage.sigmq(['broker', '--data', data, '--dir', join(dir, 'run')]);
    await until(
      () => broker.err,
      () => !broker.lives || broker.err.includes('runs in'),
    );
    if (broker.lives) {
      await run(['ls']);
      await run(['consume', '-q', 'q,default', '-c', '5', '-e', '--json']);
      await run(['send', '-W', '5s', 'hello']);
      await run(['dead', 'ls']);
      if (random.int(0, 3) === 0) await run(['purge', '--force']);
      if (random.int(0, 3) === 0) await run(['drain']);
    }
    stage.judge(broker, await broker.stop());
    rmSync(dir, { recursive: true });
  }
}

/** Random arguments and configuration, in a folder of their own, with and without a broker. */
async function commands(stage, random) {
  const cwd = join(stage.dir, 'here');
  mkdirSync(join(cwd, 'folder'), { recursive: true });
  writeFileSync(join(cwd, 'file'), 'neither a folder nor a program\n');
  const env = { SIGMQ_DIR: join(cwd, 'run'), XDG_STATE_HOME: join(cwd, 'state') };
  const broker = random.int(0, 1) ? stage.sigmq(['broker', '--memory'], { env, cwd }) : undefined;
  if (broker)
    await until(
      () => broker.err,
      () => broker.err.includes('runs in'),
    );
  for (let n = 0; n < 4; n++) {
    await Promise.all(
      times(3, async (m) => {
        const config = join(cwd, `config${m}`);
        mkdirSync(join(config, 'sigmq'), { recursive: true });
        const isConfig = random.int(0, 2) === 0;
        if (isConfig) writeFileSync(join(config, 'sigmq/config.json'), anyConfig(random));
        else rmSync(join(config, 'sigmq/config.json'), { force: true });
        const args = anyArguments(random);
        const input = random.pick([undefined, '', anyText(random)]);
        const own = { ...env, XDG_CONFIG_HOME: config };
        await stage.command(args, { cwd, env: own, ...(input === undefined ? {} : { input }) });
      }),
    );
  }
  if (broker) stage.judge(broker, await broker.stop());
  rmSync(cwd, { recursive: true, force: true });
}

/** Good messages with odd headers and queues: each is taken or refused as a whole. */
async function headers(stage, random) {
  for (let n = random.int(1, 4); n > 0; n--) {
    const value = () => random.pick([anyText(random), 'x'.repeat(random.int(0, 5000)), '']);
    const given = times(random.int(0, 4), () => ['-H', `${anyText(random, 12)}:${value()}`]).flat();
    const queue = random.pick(['junk', 'junk', anyText(random, 10)]);
    const code = await stage.command(['send', ...given, '-q', queue, 'x'], { runMs: 30_000 });
    if (![0, 64, 65, 75].includes(code)) throw new Wrong(`odd headers: ${code}`);
  }
  const format = random.pick([anyText(random, 12), '%h{a}%q %p\\n', '%h{}']);
  await stage.command(['consume', '-q', 'junk', '-e', '-F', format]);
}

export const ROUNDS = { signals, requests, files, stores, commands, headers };
