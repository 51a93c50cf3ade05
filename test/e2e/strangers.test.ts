/** No process that does not expect the signals ever gets one (docs/protocol.md, section 2). */
import assert from 'node:assert/strict';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { DIST, Program, Stage, stateOf, until } from './harness.ts';

/** What `broker.pid` may name by accident or malice. `STRANGER` stands for a `sleep`. */
const brokerFiles: { name: string; content: string | Buffer; says: RegExp }[] = [
  { name: 'a stranger', content: 'STRANGER\n', says: /STRANGER/ },
  { name: '0', content: '0\n', says: /broker\.pid/ },
  { name: '-1', content: '-1\n', says: /broker\.pid/ },
  { name: '1', content: '1\n', says: /broker\.pid/ },
  { name: 'junk', content: 'junk\n', says: /broker\.pid/ },
  { name: 'nothing', content: '', says: /broker\.pid/ },
  { name: 'a PID with a tail', content: 'STRANGERx\n', says: /broker\.pid/ },
  { name: 'a PID beyond all', content: '99999999999999999999\n', says: /broker\.pid/ },
  { name: 'a megabyte of junk', content: Buffer.alloc(1 << 20, '7'), says: /broker\.pid/ },
  { name: 'binary', content: Buffer.from([0, 255, 1, 10]), says: /broker\.pid/ },
];

describe('send to a broker.pid that names', () => {
  for (const { name, content, says } of brokerFiles) {
    it(`${name}: exit 69, and nobody is signalled`, async (t) => {
      const stage = new Stage(t);
      const stranger = stage.stranger();
      const fill = (text: string) => text.replaceAll('STRANGER', String(stranger.pid));
      writeFileSync(
        stage.path('broker.pid'),
        typeof content === 'string' ? fill(content) : content,
      );
      const { code, stderr } = await stage.send(['hello']);
      assert.equal(code, 69, stderr);
      assert.match(stderr, new RegExp(fill(says.source)));
      assert.match(stateOf(stranger.pid) ?? 'gone', /[SR]/);
    });
  }

  it('the sender itself: exit 69', async (t) => {
    const stage = new Stage(t);
    // exec keeps the PID: the shell writes down its own, which then is that of send.
    const script = 'echo $$ >"$SIGMQ_DIR/broker.pid"; exec "$@"';

    const send = [process.execPath, `${DIST}/bin/sigmq.js`, 'send', 'hello'];
    const shell = new Program(t, 'sh', ['-c', script, 'sh', ...send], {
      env: { SIGMQ_DIR: stage.dir },
    });
    const { code, stderr } = await shell.ended;
    assert.equal(code, 69, stderr);
  });

  it('a recycled PID: exit 69, and the new process lives', async (t) => {
    const stage = new Stage(t);
    const stranger = await stage.python('plain_consumer.py', [stage.dir]);
    writeFileSync(stage.path('broker.pid'), `${stranger.pid}\n`);
    // broker.json of the broker that had this PID: it started long before.
    const then = { pid: stranger.pid, start: 1, maxMessageBytes: 65_536, version: '0.1.0' };
    writeFileSync(stage.path('broker.json'), JSON.stringify(then));
    const { code, stderr } = await stage.send(['hello']);
    assert.equal(code, 69, stderr);
    assert.equal(stranger.stdout.length, 0);
  });
});

describe('a consumers.txt with bad lines', () => {
  it('does not harm those that it names, and the good lines are served', async (t) => {
    const stage = new Stage(t);
    const stranger = stage.stranger();
    const recycled = stage.stranger();
    const bad = [
      stranger.pid,
      `${recycled.pid} start=1`,
      0,
      -1,
      1,
      '99999999999999999999',
      'junk',
      '',
      ' ',
      process.pid + 0.5,
      'x'.repeat(1 << 20),
    ];
    writeFileSync(stage.path('consumers.txt'), `${bad.join('\n')}\n`);
    const broker = await stage.broker();
    appendFileSync(stage.path('consumers.txt'), `${broker.pid}\n`);
    const consumer = await stage.consumer();
    for (const word of ['one', 'two']) await stage.sent([word]);
    assert.deepEqual(await consumer.printed(2), ['one', 'two']);
    await broker.says(String(stranger.pid));
    for (const { pid } of [stranger, recycled, broker])
      assert.match(stateOf(pid) ?? 'gone', /[SR]/);
  });

  it('keeps lines that it does not know when consumers come and go', async (t) => {
    const stage = new Stage(t);
    writeFileSync(stage.path('consumers.txt'), 'a foreign line');
    await stage.broker();
    const consumer = await stage.consumer();
    await consumer.end();
    assert.equal(stage.read('consumers.txt'), 'a foreign line\n');
  });
});

describe('a runtime directory', () => {
  it('that is missing: send says that no broker runs', async (t) => {
    const stage = new Stage(t);
    rmSync(stage.dir, { recursive: true });
    const { code, stderr } = await stage.send(['hello']);
    assert.equal(code, 69, stderr);
    assert.match(stderr, /sigmq broker/);
  });

  it('takes one broker; a second is refused, and starts at once when the first was killed', async (t) => {
    const stage = new Stage(t);
    const first = await stage.broker();
    const second = await stage.sigmq(['broker']).ended;
    assert.equal(second.code, 78, second.stderr);
    assert.match(second.stderr, new RegExp(`${first.pid}`));
    await stage.sent(['still there']);
    first.signal('SIGKILL');
    await first.ended;
    const { code } = await stage.send(['nobody']);
    assert.equal(code, 69);
    await stage.broker();
    await stage.sent(['hello']);
    const consumer = await stage.consumer();
    await until('the message', () => consumer.lines.includes('hello'));
  });
});
