/** Nothing is taken for what it only has the id or number of: kicks, restored backups, exchanged stores. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { type Program, Stage, until } from './harness.ts';

const linesOf = (path: string) =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];

const deadOf = async (stage: Stage) => {
  const { stdout } = await stage.sigmq(['dead', 'ls', '--json']).ended;
  return stdout.toString().split('\n').filter(Boolean).length;
};

describe('a dead message that is kicked back', () => {
  for (const [name, count, attempts] of [
    ['is handled by the consumer that made it dead', 1, 1],
    ['is handled after five attempts by five consumers', 5, 5],
  ] as const) {
    it(name, async (t) => {
      const stage = new Stage(t);
      await stage.broker(['--max-attempts', `${attempts}`, '--backoff', '10ms']);
      writeFileSync(stage.path('fail'), '');
      const script = `read x; echo "$x $SIGMQ_ATTEMPT" >>${stage.path('handled')}; test ! -e ${stage.path('fail')}`;
      for (let n = 0; n < count; n++) await stage.consumer(['--', 'sh', '-c', script]);
      await stage.sent(['job']);
      await until('its death', async () => (await deadOf(stage)) === 1);
      rmSync(stage.path('fail'));
      const { stdout, code } = await stage.sigmq(['dead', 'kick']).ended;
      assert.deepEqual([stdout.toString(), code], ['1 ready again\n', 0]);
      const handled = () => linesOf(stage.path('handled'));
      await until('another attempt', () => handled().length === attempts + 1);
      const expected = Array.from({ length: attempts + 1 }, (_, n) => `job ${n + 1}`);
      assert.deepEqual(handled(), expected, 'each attempt once, and a new one after the kick');
      await until('its end', async () => {
        const { stdout } = await stage.sigmq(['ls', '--json']).ended;
        return stdout.length === 0;
      });
    });
  }
});

/** A broker over one of several stores, one after the other. */
class Stores {
  readonly #stage: Stage;
  #broker: Program | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async open(args: readonly string[]): Promise<void> {
    await this.close();
    this.#broker = await this.#stage.broker(args);
  }

  async close(): Promise<void> {
    const ended = await this.#broker?.end();
    if (ended) assert.equal(ended.code, 0, ended.stderr);
    this.#broker = undefined;
  }
}

function given(t: TestContext) {
  const stage = new Stage(t);
  return { stage, stores: new Stores(stage), a: stage.path('a'), backup: stage.path('backup') };
}

describe('a store that is put back from a backup', () => {
  it('has its messages handled by the consumer that lives, new ones and those of the backup', async (t) => {
    const { stage, stores, a, backup } = given(t);
    const consumer = await stage.consumer();
    await stores.open(['--data', a]);
    await stage.sent(['before']);
    await consumer.printed(1);
    await stage.sent(['--delay', '20d', 'in the backup']);
    await stores.close();
    cpSync(a, backup, { recursive: true });
    await stores.open(['--data', a]);
    for (let n = 0; n < 4; n++) await stage.sent([`lost ${n}`]);
    await consumer.printed(5);
    await stores.close();
    rmSync(a, { recursive: true });
    cpSync(backup, a, { recursive: true });
    await stores.open(['--data', a]);
    for (let n = 0; n < 4; n++) await stage.sent([`new ${n}`]);
    const lines = await consumer.printed(9);
    assert.deepEqual(lines.slice(5), ['new 0', 'new 1', 'new 2', 'new 3']);
    const { stdout } = await stage.sigmq(['ls', '--json']).ended;
    assert.equal(JSON.parse(stdout.toString()).delayed, 1, 'what waits is there');
  });
});

describe('a long-lived send --lines --wait', () => {
  it('has each line in the store that was open when it was confirmed', async (t) => {
    const { stage, stores, a } = given(t);
    const b = stage.path('b');
    const send = stage.sigmq(['send', '--lines', '--wait'], { stdin: 'open' });
    let next = 0;
    const expected: Record<string, string[]> = { a: [], b: [] };
    /** Each line alone, and as many as go round the sequence numbers more than once. */
    const lines = async (count: number, store?: string) => {
      const some = Array.from({ length: count }, () => `line ${next++}`);
      send.child.stdin?.write(some.map((line) => `${line}\n`).join(''));
      if (store) expected[store]?.push(...some);
      await until('the lines to be stored', async () => {
        const { stdout } = await stage.sigmq(['ls', '--json']).ended;
        const ready = stdout.length > 0 ? JSON.parse(stdout.toString()).ready : 0;
        return store ? ready === expected[store]?.length : ready === count;
      });
    };
    await stores.open(['--data', a]);
    await lines(40, 'a');
    await stores.open(['--data', b]);
    await lines(70, 'b');
    await stores.open(['--data', a]);
    await lines(3, 'a');
    await stores.open(['--memory']);
    await lines(130);
    await stores.open(['--data', a]);
    await lines(2, 'a');
    await stores.open(['--data', b]);
    await lines(1, 'b');
    send.child.stdin?.end();
    const { code, stderr } = await send.ended;
    assert.equal(code, 0, stderr);
    for (const [store, path] of [
      ['b', b],
      ['a', a],
    ] as const) {
      await stores.open(['--data', path]);
      const { stdout } = await stage.sigmq(['consume', '-e', '--quiet']).ended;
      assert.deepEqual(stdout.toString().split('\n').slice(0, -1), expected[store]);
    }
  });
});
