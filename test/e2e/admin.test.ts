/** status, ls, peek, purge, dead, pause, resume, drain, stop, doctor, completion, man pages. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openStore } from '../../src/queue/open-store.ts';
import type { Store } from '../../src/queue/store.ts';
import { put, reserve, settle } from '../queue/single.ts';
import { DIST, Program, Stage, stopped, until } from './harness.ts';

async function staged(t: TestContext, args: readonly string[] = []) {
  const stage = new Stage(t);
  return { stage, broker: await stage.broker(args) };
}

const run = (stage: Stage, ...args: string[]) => stage.sigmq(args).ended;

async function out(stage: Stage, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(stage, ...args);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

describe('looking', () => {
  it('status tells of broker, queues and consumers; 69 without a broker', async (t) => {
    const { stage, broker } = await staged(t);
    const consumer = await stage.consumer(['-q', 'mail']);
    await stage.sent(['hello']);
    const text = await out(stage, 'status');
    for (const word of [String(broker.pid), String(consumer.pid), 'default', 'queue.db', 'up ']) {
      assert.ok(text.includes(word), `${word} in ${text}`);
    }
    const status = JSON.parse(await out(stage, 'status', '--json'));
    assert.deepEqual(
      [status.pid, status.queues[0].ready, status.consumers[0].pid],
      [broker.pid, 1, consumer.pid],
    );
    await broker.end();
    assert.equal((await run(stage, 'status')).code, 69);
  });

  it('ls and peek work with a broker, and on its store without one', async (t) => {
    const { stage, broker } = await staged(t);
    await stage.sent(['-H', 'k:v', 'bell \x07']);
    await stage.sent(['--delay', '1h', 'second']);
    const look = async () => [await out(stage, 'ls'), await out(stage, 'peek', '-c', '5')];
    const before = await look();
    assert.match(before[0] ?? '', /default +1 +1 +0 +0/);
    assert.match(before[1] ?? '', /bell \\x07/);
    await broker.end();
    assert.deepEqual(await look(), before);
    const only = await out(stage, 'peek', '--state', 'delayed', '--json');
    assert.equal(Buffer.from(JSON.parse(only).body, 'base64').toString(), 'second');
  });

  it('gives 69 where there is neither broker nor store', async (t) => {
    const stage = new Stage(t);
    for (const command of ['ls', 'peek', 'status', 'stop']) {
      assert.equal((await run(stage, command)).code, 69, command);
    }
  });
});

describe('changing', () => {
  it('purge needs --force where there is no terminal, and asks at one', async (t) => {
    const { stage } = await staged(t, ['--memory']);
    await stage.sent(['a']);
    assert.equal((await run(stage, 'purge')).code, 64);
    const env = { SIGMQ_DIR: stage.dir };
    const command = `${process.execPath} ${join(DIST, 'bin/sigmq.js')} purge`;
    const no = await new Program(t, 'script', ['-qec', command, '/dev/null'], { env, stdin: 'n\n' })
      .ended;
    assert.match(no.stdout.toString(), /\[y\/N\]/);
    assert.match(await out(stage, 'ls'), /default +1/);
    assert.equal(await out(stage, 'purge', '--force'), '1 removed\n');
  });

  it('dead rm removes those that are named', async (t) => {
    const { stage } = await staged(t, ['--memory', '--max-attempts', '1']);
    await stage.sent(['--lines'], { stdin: 'a\nb\n' });
    await run(stage, 'consume', '-c2', '--quiet', '--', 'false');
    const ids = (await out(stage, 'dead', 'ls', '--json'))
      .trim()
      .split('\n')
      .map((line) => String(JSON.parse(line).id));
    assert.equal(ids.length, 2);
    assert.equal(await out(stage, 'dead', 'rm', '--force', ids[0] ?? ''), '1 removed\n');
    assert.equal((await run(stage, 'dead', 'show', ids[0] ?? '')).code, 65);
    assert.equal(await out(stage, 'dead', 'show', '--body', ids[1] ?? ''), 'b');
    assert.equal((await run(stage, 'dead', 'show', 'x')).code, 64);
  });

  it('names what is not there, with 65, and does the rest', async (t) => {
    const { stage, broker } = await staged(t, ['--max-attempts', '1']);
    await stage.sent(['--lines'], { stdin: 'a\nb\nc\n' });
    await run(stage, 'consume', '-c3', '--quiet', '--', 'false');
    const refused = async (args: string[], stdout: string, stderr: RegExp) => {
      const ended = await run(stage, ...args);
      assert.deepEqual([ended.code, ended.stdout.toString()], [65, stdout], args.join(' '));
      assert.match(ended.stderr, stderr);
    };
    const nobody = /no dead message 999 in queue default/;
    const both = /no dead messages 998, 999 in queue default/;
    const look = async (one: string, two: string) => {
      await refused(['dead', 'show', '999'], '', nobody);
      await refused(['dead', 'kick', '999'], '0 ready again\n', nobody);
      await refused(['dead', 'rm', '999'], '', nobody);
      await refused(['dead', 'kick', '998', one, '999', one], '1 ready again\n', both);
      await refused(['dead', 'rm', '--force', '998', two, '999'], '1 removed\n', both);
      await refused(['dead', 'kick', '-q', 'other', '3'], '0 ready again\n', /3 in queue other/);
    };
    await look('1', '2');
    await run(stage, 'consume', '-c1', '--quiet', '--', 'false');
    await broker.end();
    await refused(['dead', 'kick', '3', '999'], '1 ready again\n', nobody);
  });

  it('says why what a consumer holds is not removed, with 64', async (t) => {
    const stage = new Stage(t);
    const { code, stdout, stderr } = await run(stage, 'purge', '-s', 'reserved', '--force');
    assert.deepEqual([code, stdout.toString()], [64, '']);
    assert.match(stderr, /a consumer holds.*Stop the consumer/s);
    assert.equal((await run(stage, 'purge', '-s', 'junk', '--force')).code, 64);
    assert.equal((await run(stage, 'purge', 'no such name', '--force')).code, 64);
    assert.equal((await run(stage, 'peek', 'no such name')).code, 64);
  });

  it('says that there is nothing, with 0', async (t) => {
    const { stage } = await staged(t, ['--memory']);
    for (const [args, sentence] of [
      [['peek', 'nosuch'], /no messages in queue nosuch/],
      [['peek', '-s', 'dead'], /no dead messages in queue default/],
      [['dead', 'ls'], /no dead messages in queue default/],
      [['resume', 'nosuch'], /queue nosuch was not paused/],
      [['drain', '--cancel'], /was not draining/],
    ] as const) {
      const { code, stdout, stderr } = await run(stage, ...args);
      assert.deepEqual([code, stdout.toString()], [0, ''], args.join(' '));
      assert.match(stderr, sentence);
    }
  });

  it('pause holds a queue, resume lets it go', async (t) => {
    const { stage } = await staged(t, ['--memory']);
    await out(stage, 'pause');
    await stage.sent(['held']);
    assert.equal((await run(stage, 'consume', '-e', '-c1')).code, 75);
    assert.match(await out(stage, 'ls'), /paused/);
    await out(stage, 'resume');
    assert.equal((await run(stage, 'consume', '-c1')).stdout.toString(), 'held\n');
  });

  it('stop and drain end the broker with 0', async (t) => {
    const { stage, broker } = await staged(t, ['--memory']);
    await out(stage, 'stop');
    assert.equal((await broker.ended).code, 0);
    const other = await stage.broker(['--memory']);
    await out(stage, 'drain');
    assert.equal((await other.ended).code, 0);
  });
});

describe('drain', () => {
  it('leaves what is in a paused queue in the store, and says so', async (t) => {
    const { stage, broker } = await staged(t);
    await out(stage, 'pause', 'mail');
    await stage.sent(['-q', 'mail', 'kept']);
    assert.match(await out(stage, 'drain'), /waits for nothing; 1 in paused queue mail stay/);
    assert.equal((await broker.ended).code, 0);
    assert.match(broker.stderr, /Drained.*1 in paused queue mail stay in the store/);
    assert.match(await out(stage, 'ls'), /mail +1/);
  });

  it('waits for it when told, or when memory would lose it; status says for what', async (t) => {
    for (const [store, flags] of [
      [[], ['--paused']],
      [['--memory'], []],
    ]) {
      const { stage, broker } = await staged(t, store);
      await out(stage, 'pause');
      await stage.sent(['a']);
      await stage.sent(['-q', 'later', '--delay', '1h', 'b']);
      const text = await out(stage, 'drain', ...(flags ?? []));
      const waits =
        /waits for 1 ready, 1 delayed \(until 20.*Z\); 1 of them .* paused queue default/;
      assert.match(text, waits);
      assert.match((await out(stage, 'status')).replaceAll(/\n +/g, ' '), waits); // it is folded
      await broker.says(waits);
      const { drain } = JSON.parse(await out(stage, 'status', '--json'));
      assert.deepEqual([drain.ready, drain.delayed, drain.pausedQueues], [1, 1, ['default']]);
      await out(stage, 'purge', '--force');
      await out(stage, 'purge', 'later', '--force');
      assert.equal((await broker.ended).code, 0);
    }
  });

  it('can be taken back', async (t) => {
    const { stage, broker } = await staged(t, ['--memory']);
    await stage.sent(['a']);
    await out(stage, 'drain');
    assert.equal((await run(stage, 'send', 'refused')).code, 69);
    assert.equal(await out(stage, 'drain', '--cancel'), '');
    await stage.sent(['b']);
    await broker.says('The drain was cancelled');
    assert.equal((await run(stage, 'drain', '--cancel', '--paused')).code, 64);
    const { stdout } = await run(stage, 'consume', '-c2', '--quiet');
    assert.equal(stdout.toString(), 'a\nb\n');
    assert.ok(broker.lives);
  });
});

describe('looking at much', () => {
  /** A broker whose store has what `fill` put there. */
  async function filled(t: TestContext, fill: (store: Store) => Promise<void>): Promise<Stage> {
    const stage = new Stage(t);
    const folder = stage.path('data');
    const store = await openStore({ kind: 'sqlite', folder, fsync: 'never' });
    await fill(store);
    await store.close();
    await stage.broker(['--data', folder]);
    return stage;
  }

  const message = (body: Uint8Array, queue = 'default') => ({ queue, body, priority: 0 });

  it('shows bodies of any size, dead or not, text or not', async (t) => {
    const texts = Buffer.from('größer, 信号 🚦; '.repeat(20_000));
    const random = randomBytes(10_000);
    const ids: number[] = [];
    const stage = await filled(t, async (store) => {
      ids.push(...(await put(store, [message(texts), message(random)])));
      for (const _ of ids) {
        const { id = 0 } = (await reserve(store, ['default'], '1:1')) ?? {};
        await settle(store, id, { kind: 'dead' });
      }
    });
    const listed = (await out(stage, 'peek', '--json')).trim().split('\n');
    assert.deepEqual(
      listed.map((line) => Buffer.from(JSON.parse(line).body, 'base64')),
      [texts, random],
    );
    for (const [id, body] of [
      [String(ids[0]), texts],
      [String(ids[1]), random],
    ] as const) {
      const { code, stdout } = await run(stage, 'dead', 'show', '--body', id);
      assert.equal(code, 0);
      assert.ok(stdout.equals(body), id);
    }
  });

  it('shows, changes and removes messages by id', async (t) => {
    const ids: number[] = [];
    // More than a reply may carry, and quick to send: it can be packed.
    const body = Buffer.concat([Buffer.alloc(200_000, randomBytes(1000)), Buffer.from('\n')]);
    const stage = await filled(t, async (store) => {
      const all = [body, 'held', 'a', 'b'].map((text, n) => ({
        ...message(Buffer.from(text), ['large', 'held'][n]),
        headers: [['k', 'v\x1b']] as const,
      }));
      ids.push(...(await put(store, all)));
    });
    await stage.consumer(['-q', 'held', '--', 'sleep', '600']);
    await until('the consumer', async () => / 1 +0$/m.test(await out(stage, 'ls')));
    const [large, held, a, b] = ids.map(String) as [string, string, string, string];
    const shown = await run(stage, 'show', '--body', large);
    assert.ok(shown.stdout.equals(body));
    const text = await out(stage, 'show', a);
    assert.match(text, /^message +\d+ in queue default\nstate +ready\n/);
    assert.match(text, /\nheader +k: v\\x1b\n\na\n$/);
    assert.equal(JSON.parse(await out(stage, 'show', '--json', b)).body, 'Yg==');

    const edited = await run(stage, 'edit', a, held, '999', '--delay', '1h', '-q', 'other');
    assert.deepEqual([edited.code, edited.stdout.toString()], [65, '1 changed\n']);
    assert.match(edited.stderr, new RegExp(`Message ${held} is with a consumer.`));
    assert.match(edited.stderr, /There is no message 999./);
    assert.match(await out(stage, 'show', a), /queue other\nstate +delayed, due in 59m 5\ds\n/);
    assert.equal((await run(stage, 'edit', a)).code, 64);

    assert.equal((await run(stage, 'rm', held)).code, 75);
    assert.equal(await out(stage, 'rm', a, large, a), '2 removed\n');
    assert.equal((await run(stage, 'show', a)).code, 65);
    assert.deepEqual((await out(stage, 'ls')).match(/\w+ +\d.*/g), [
      ...['default      1        0         0     0', 'held         0        0         1     0'],
    ]);
  });

  it('edit takes nothing from the configuration file', async (t) => {
    const ids: number[] = [];
    const stage = await filled(t, async (store) => {
      ids.push(...(await put(store, [message(Buffer.from('x'))])));
    });
    mkdirSync(join(stage.dir, 'config/sigmq'), { recursive: true });
    writeFileSync(
      join(stage.dir, 'config/sigmq/config.json'),
      '{ "queue": "mail", "delay": "1h" }',
    );
    const edit = stage.sigmq(['edit', String(ids[0]), '--priority', '3'], {
      env: { XDG_CONFIG_HOME: join(stage.dir, 'config') },
    });
    assert.equal((await edit.ended).code, 0);
    assert.match(await out(stage, 'peek'), /ready +3/);
  });

  it('kicks and purges any number, of ids too', async (t) => {
    const ids: number[] = [];
    const stage = await filled(t, async (store) => {
      ids.push(
        ...(await put(
          store,
          Array.from({ length: 1300 }, () => message(Buffer.from('x'))),
        )),
      );
      for (const _ of ids) {
        const { id = 0 } = (await reserve(store, ['default'], '1:1')) ?? {};
        await settle(store, id, { kind: 'dead' });
      }
    });
    const some = ids.slice(0, 150).map(String);
    assert.equal(await out(stage, 'dead', 'kick', ...some), '150 ready again\n');
    assert.match(await out(stage, 'ls'), /default +150 +0 +0 +1150/);
    assert.equal(await out(stage, 'dead', 'kick'), '1150 ready again\n');
    assert.equal(await out(stage, 'purge', '--force'), '1300 removed\n');
  });

  it('a send goes on beside an ls of thousands of queues', async (t) => {
    const stage = await filled(t, async (store) => {
      const names = Array.from({ length: 5000 }, (_, n) => `user-${n}`);
      await put(
        store,
        names.map((name) => message(Buffer.from('x'), name)),
      );
    });
    const listing = stage.sigmq(['ls']);
    await stage.sent(['hi']);
    const { code, stdout } = await listing.ended;
    assert.equal(code, 0);
    // With the title; and with the queue that the message made, if it came before that page.
    const lines = stdout.toString().trim().split('\n');
    assert.equal(lines.filter((line) => line.startsWith('user-')).length, 5000);
  });

  it('a reader that is stopped keeps nobody from looking, and gets the rest later', async (t) => {
    // What comes at once, and something that takes its time.
    const body = Buffer.concat([Buffer.alloc(128 << 10, 'x'), randomBytes(10_000)]);
    const stage = await filled(t, async (store) => {
      const [id = 0] = await put(store, [message(body)]);
      await reserve(store, ['default'], '1:1');
      await settle(store, id, { kind: 'dead' });
    });
    const [{ id }] = JSON.parse(`[${await out(stage, 'dead', 'ls', '--json')}]`);
    const reader = stage.sigmq(['dead', 'show', '--body', String(id)]);
    await until('a part of it', () => reader.stdout.length > 0);
    await stopped(reader);
    assert.match(await out(stage, 'ls'), /default +0 +0 +0 +1/);
    reader.signal('SIGCONT');
    const { code, stdout } = await reader.ended;
    assert.equal(code, 0);
    assert.ok(stdout.equals(body));
  });
});

describe('doctor', () => {
  it('finds what a dead broker and dead consumers left, and cleans it', async (t) => {
    const { stage, broker } = await staged(t);
    assert.match(await out(stage, 'doctor'), new RegExp(`A broker is running: ${broker.pid}`));
    broker.signal('SIGKILL');
    await broker.ended;
    const consumer = await stage.consumer();
    consumer.signal('SIGKILL');
    await consumer.ended;
    appendFileSync(stage.path('consumers.txt'), 'junk\n');
    const found = await out(stage, 'doctor');
    assert.match(found, /is no longer running/);
    assert.match(found, /1 lines of dead consumers/);
    assert.match(found, /1 lines that name no process/);
    assert.match(found, /A flush to the disk takes/);
    await out(stage, 'doctor', '--clean');
    assert.ok(!existsSync(stage.path('broker.pid')));
    assert.equal(stage.read('consumers.txt'), 'junk\n');
  });

  it('says what a broker would say of a store that it cannot open', async (t) => {
    const stage = new Stage(t);
    const data = stage.path('data');
    mkdirSync(data, { mode: 0o700 });
    const file = join(data, 'queue.db');
    const troubles: [() => void, RegExp][] = [
      [
        () => writeFileSync(file, 'This is no database, whatever its name is.\n'),
        /is not a sigmq store/,
      ],
      [() => rmSync(file), /^/],
      [() => mkdirSync(file), /is not a regular file/],
      [() => rmSync(file, { recursive: true }), /^/],
      [() => symlinkSync('/dev/null', file), /is a symbolic link/],
    ];
    for (const [make, sentence] of troubles) {
      make();
      const { code, stdout } = await run(stage, 'doctor', '--data', data);
      const isBad = sentence.source !== '^';
      assert.deepEqual([sentence, code], [sentence, isBad ? 1 : 0], stdout.toString());
      assert.match(stdout.toString(), sentence);
      if (isBad) assert.notEqual((await run(stage, 'broker', '--data', data)).code, 0);
    }
  });

  it('says that the broker is stopped', async (t) => {
    const { stage, broker } = await staged(t);
    await stopped(broker);
    const { code, stdout } = await run(stage, 'doctor');
    broker.signal('SIGCONT');
    assert.deepEqual([code, /is stopped and answers nobody/.test(stdout.toString())], [1, true]);
  });

  it('says when sigmq is but a plain peer, and why, with 1', async (t) => {
    const stage = new Stage(t, { SIGMQ_PLAIN: '1' });
    const { code, stdout } = await run(stage, 'doctor');
    assert.equal(code, 1);
    assert.match(stdout.toString(), /plain peer.*SIGMQ_PLAIN/s);
  });
});

describe('completion', () => {
  it('completes commands and options in bash', async (t) => {
    const stage = new Stage(t);
    const script = await out(stage, 'completion', 'bash');
    const ask = `${script}
      COMP_WORDS=(sigmq dead k); COMP_CWORD=2; _sigmq; echo "\${COMPREPLY[*]}"
      COMP_WORDS=(sigmq send --pri); COMP_CWORD=2; _sigmq; echo "\${COMPREPLY[*]}"
      COMP_WORDS=(sigmq co); COMP_CWORD=1; _sigmq; echo "\${COMPREPLY[*]}"`;
    const { stdout } = await new Program(t, 'bash', ['-c', ask]).ended;
    assert.equal(stdout.toString(), 'kick\n--priority\nconsume completion\n');
  });

  it('is there for zsh and fish, and for no other', async (t) => {
    const stage = new Stage(t);
    assert.match(await out(stage, 'completion', 'zsh'), /bashcompinit/);
    assert.match(await out(stage, 'completion', 'fish'), /complete -c sigmq .* -l priority/);
    assert.equal((await run(stage, 'completion', 'ksh')).code, 64);
  });
});

describe('man pages', () => {
  it('name every option of their command and every exit code', async (t) => {
    const stage = new Stage(t);
    for (const name of ['broker', 'consume', 'send']) {
      const page = readFileSync(join(DIST, 'man', `sigmq-${name}.1`), 'utf8').replaceAll(
        '\\-',
        '-',
      );
      const help = await out(stage, name, '--help');
      for (const [option] of help.matchAll(/--[a-z-]+/g)) {
        if (option !== '--help') assert.ok(page.includes(option), `${option} in sigmq-${name}(1)`);
      }
      for (const code of [0, 1, 64, 65, 69, 70, 73, 75, 77, 78, 124, '126, 127', '128+n']) {
        assert.ok(page.includes(`.B ${code}\n`), `${code} in sigmq-${name}(1)`);
      }
    }
  });
});
