/** Who catches both signals for reasons of its own is no plain peer (docs/protocol.md, section 2). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { processTable } from '../../src/registry/process-table.ts';
import { DIST, Program, ROOT, Stage, stateOf, until } from './harness.ts';

const HOUR_S = 3600;
const table = processTable();
const has = (command: string) => spawnSync(command, ['--version']).status === 0;
const missing = (command: string) => !has(command) && `${command} is not installed`;

const LIBRARY = pathToFileURL(join(DIST, 'src/index.js')).href;
const SIGNAL_EXIT = join(ROOT, 'node_modules/signal-exit');
const FOR_EVER = 'setInterval(() => {}, 1e9)';

/** Those that a line or a pid file may name by accident, each on a terminal. */
const victims: {
  name: string;
  command: string[];
  /** When it has come so far that it shows what it is. */
  ready(pid: number): boolean;
  says: RegExp;
  skip?: string | false;
}[] = [
  {
    name: 'an interactive bash',
    command: ['bash', '--norc', '-i'],
    ready: (pid) => table.read(pid)?.catchesAlike === true,
    says: /catches nearly all signals alike/,
  },
  {
    name: 'irb',
    command: ['irb'],
    ready: (pid) => table.hasLineEditor(pid),
    says: /interactive Ruby/,
    skip: missing('irb'),
  },
  {
    name: 'a Node program with signal-exit',
    command: [
      process.execPath,
      '-e',
      `require(${JSON.stringify(SIGNAL_EXIT)})(() => {}); ${FOR_EVER}`,
    ],
    ready: (pid) => table.read(pid)?.catchesAlike === true,
    says: /catches nearly all signals alike/,
  },
  {
    name: 'a Node program that has imported sigmq',
    command: [
      process.execPath,
      '--input-type=module',
      '-e',
      `await import(${JSON.stringify(LIBRARY)}); process.title = 'imported'; ${FOR_EVER}`,
    ],
    ready: (pid) => readFileSync(`/proc/${pid}/comm`, 'latin1') === 'imported\n',
    says: /neither catches nor blocks/,
  },
];

class Victim {
  readonly pid: number;
  readonly #program: Program;

  constructor(program: Program, pid: number) {
    this.#program = program;
    this.pid = pid;
  }

  static async start(stage: Stage, { command, ready }: (typeof victims)[number]): Promise<Victim> {
    const program = await stage.python('in_pty.py', command, { stdin: 'open' });
    const pid = Number(/ready (\d+)/.exec(program.stderr)?.[1]);
    await until(`${command[0]} to be ready`, () => ready(pid));
    return new Victim(program, pid);
  }

  assertLives(): void {
    assert.match(stateOf(this.pid) ?? 'gone', /[SR]/);
    assert.doesNotMatch(this.#program.stderr, /ended/);
  }
}

/** The file was written so long before the process started. */
const backdate = (path: string) => {
  const then = Date.now() / 1000 - HOUR_S;
  utimesSync(path, then, then);
};

for (const victim of victims) {
  const { name, says, skip = false } = victim;

  describe(`a line of consumers.txt with the PID of ${name}`, { skip }, () => {
    const given = async (t: TestContext) => {
      const stage = new Stage(t);
      const someone = await Victim.start(stage, victim);
      const file = stage.path('consumers.txt');
      /** Three messages that go to nobody, then to somebody who wants them. */
      const spare = async (broker: Program, reason: RegExp) => {
        for (const word of ['one', 'two', 'three']) await stage.sent([word]);
        await broker.says(new RegExp(`${someone.pid} .*${reason.source}`));
        const { stdout } = await stage.sigmq(['doctor']).ended;
        assert.match(
          stdout.toString(),
          new RegExp(`not served\\. .*${someone.pid} .*${reason.source}`),
        );
        const consumer = await stage.consumer();
        assert.deepEqual(await consumer.printed(3), ['one', 'two', 'three']);
        someone.assertLives();
        const warnings = broker.stderr
          .split('\n')
          .filter((line) => line.includes(` ${someone.pid} `));
        assert.equal(warnings.length, 1, broker.stderr);
      };
      return { stage, someone, file, spare };
    };

    it('gets it nothing, and the refusal is said', async (t) => {
      const { stage, someone, file, spare } = await given(t);
      const broker = await stage.broker();
      writeFileSync(file, `${someone.pid}\n`);
      await spare(broker, says);
      assert.match(stage.read('consumers.txt'), new RegExp(`^${someone.pid} start=\\d+$`, 'm'));
    });

    it('that is older than the process stays refused when others edit the file', async (t) => {
      const { stage, someone, file, spare } = await given(t);
      writeFileSync(file, `${someone.pid}\n`);
      backdate(file);
      const broker = await stage.broker();
      const marked = new RegExp(`^${someone.pid} before=\\d+$`, 'm');
      await until('the mark', () => marked.test(stage.read('consumers.txt')));
      appendFileSync(file, '# edited\n');
      await spare(broker, /started after the PID was written down/);
    });
  });

  describe(`a broker.pid with the PID of ${name}`, { skip }, () => {
    it('is no broker', async (t) => {
      const stage = new Stage(t);
      const someone = await Victim.start(stage, victim);
      writeFileSync(stage.path('broker.pid'), `${someone.pid}\n`);
      for (let n = 0; n < 3; n++) {
        const { code, stderr } = await stage.send(['hello']);
        assert.equal(code, 69, stderr);
        assert.match(stderr, says);
      }
      someone.assertLives();
    });

    it('that is older than the process is none, when it was touched neither', async (t) => {
      const stage = new Stage(t);
      const someone = await Victim.start(stage, victim);
      const file = stage.path('broker.pid');
      writeFileSync(file, `${someone.pid}\n`);
      backdate(file);
      for (let n = 0; n < 2; n++) {
        const { code, stderr } = await stage.send(['hello']);
        assert.equal(code, 69, stderr);
        assert.match(stderr, /started after the PID was written down/);
        utimesSync(file, Date.now() / 1000, Date.now() / 1000);
      }
      someone.assertLives();
    });
  });
}

describe('a plain peer', () => {
  it('in Ruby is served as it is, also after a restart of the broker', {
    skip: missing('ruby'),
  }, async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    const ruby = await rubyConsumer(t, stage);
    await stage.sent(['größer']);
    assert.deepEqual(await ruby.printed(1), ['größer']);
    await until('the start time', () => / start=\d+$/m.test(stage.read('consumers.txt')));
    // Whatever becomes of the file's time: what it stands for was written down.
    await first.end();
    backdate(stage.path('consumers.txt'));
    await stage.broker();
    await stage.sent(['two']);
    assert.deepEqual(await ruby.printed(2), ['größer', 'two']);
  });

  it('that catches alike is served when its line says what it is', async (t) => {
    const stage = new Stage(t);
    const broker = await stage.broker();
    const silent = await stage.python('plain_consumer.py', [stage.dir, '--alike']);
    await broker.says(new RegExp(`${silent.pid} catches nearly all.*peer=plain`));
    await stage.sent(['hello']);
    const says = ['--alike', '--says', 'peer=plain'];
    const peer = await stage.python('plain_consumer.py', [stage.dir, ...says]);
    assert.deepEqual(await peer.printed(1), ['hello']);
    assert.equal(silent.stdout.length, 0);
  });

  it('that says so and is younger than its line gets nothing', async (t) => {
    const stage = new Stage(t);
    const peer = await stage.python('plain_consumer.py', [stage.dir, '--says', 'peer=plain']);
    backdate(stage.path('consumers.txt'));
    const broker = await stage.broker();
    await broker.says(new RegExp(`${peer.pid} .*started after`));
    await stage.sent(['hello']);
    assert.equal(peer.stdout.length, 0);
  });

  it('that is a broker is found by a sigmq without the addon, and a stranger is not', async (t) => {
    const stage = new Stage(t, { SIGMQ_PLAIN: '1' });
    const broker = await stage.python('plain_broker.py', [stage.dir]);
    await stage.sent(['hello']);
    backdate(stage.path('broker.pid'));
    await stage.sent(['known since']);
    await broker.end();
    const alike = await stage.python('plain_consumer.py', [stage.dir, '--alike']);
    writeFileSync(stage.path('broker.pid'), `${alike.pid}\n`);
    const { code, stderr } = await stage.send(['hello']);
    assert.equal(code, 69, stderr);
    assert.match(stderr, /nearly all signals alike/);
    assert.equal(alike.stdout.length, 0);
  });

  it('that is a sigmq without the addon says so', async (t) => {
    const stage = new Stage(t, { SIGMQ_PLAIN: '1' });
    await stage.broker();
    const consumer = await stage.consumer();
    assert.match(stage.read('consumers.txt'), new RegExp(`^${consumer.pid} .*peer=plain`, 'm'));
    assert.equal(JSON.parse(stage.read('broker.json')).peer, 'plain');
    await stage.sent(['hello']);
    assert.deepEqual(await consumer.printed(1), ['hello']);
  });
});

describe('doctor --clean', () => {
  it('removes lines that stand for nobody, and leaves those that may be meant', async (t) => {
    const stage = new Stage(t);
    const file = stage.path('consumers.txt');
    const younger = await stage.python('plain_consumer.py', [stage.dir]);
    backdate(file);
    await stage.sigmq(['doctor']).ended;
    assert.equal(stage.read('consumers.txt'), `${younger.pid}\n`, 'who looks writes nothing');
    await stage.consumer();
    const alike = await stage.python('plain_consumer.py', [stage.dir, '--alike']);
    writeFileSync(stage.path('broker.pid'), `${alike.pid}\n`);
    const { code, stdout } = await stage.sigmq(['doctor', '--clean']).ended;
    assert.equal(code, 0, stdout.toString());
    assert.match(stdout.toString(), /Removed 1 lines/);
    assert.doesNotMatch(stage.read('consumers.txt'), new RegExp(`^${younger.pid}`, 'm'));
    assert.match(stage.read('consumers.txt'), new RegExp(`^${alike.pid} start=`, 'm'));
    assert.equal(stage.read('broker.pid'), `${alike.pid}\n`);
  });
});

function rubyConsumer(t: TestContext, stage: Stage): Promise<Program> {
  const ruby = new Program(t, 'ruby', [join(ROOT, 'test/fixtures/original.rb'), stage.dir]);
  return ruby.says(/ready \d+/).then(() => ruby);
}
