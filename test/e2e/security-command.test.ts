/** What a command gets of a message, and what other programs see of it (docs/security.md). */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openClientEndpoint } from '../../src/client/client-endpoint.ts';
import { GroupSender } from '../../src/client/group-sender.ts';
import { Producer } from '../../src/index.ts';
import { BatchSize } from '../../src/link/batch-size.ts';
import { processTable } from '../../src/registry/process-table.ts';
import { Stage, until } from './harness.ts';

/** Processes whose arguments (`cmdline`) or environment (`environ`) have this text in them. */
function whoShows(text: string, file: 'cmdline' | 'environ'): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(text);
      } catch {
        return false; // gone, or not ours
      }
    });
}

describe('consume -- CMD', () => {
  it('puts a body into no process list and no environment, and a header into that of CMD only', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const script = 'cat; echo; echo $$; exec sleep 600';
    const consumer = await stage.consumer(['--', 'sh', '-c', script]);
    const body = `body-${process.pid}-secret`;
    const header = `header-${process.pid}-secret`;
    const path = stage.path('headers');
    writeFileSync(path, header);
    const producer = await Producer.open({ dir: stage.dir });
    await producer.send(body, { headers: [['token', header]] });
    await producer.close();
    const [got, pid = ''] = await consumer.printed(2);
    assert.equal(got, body);
    assert.deepEqual(whoShows(body, 'cmdline'), []);
    assert.deepEqual(whoShows(body, 'environ'), []);
    assert.deepEqual(whoShows(header, 'cmdline'), []);
    assert.deepEqual(whoShows(header, 'environ'), [pid]);
    process.kill(Number(pid), 'SIGTERM');
  });

  it('has no shell that reads a body or a header', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const evil = '$(touch hacked); `touch hacked`; touch hacked; " \' | & -e --help';
    const consumer = await stage.consumer(['--', 'cat'], { cwd: stage.dir });
    await stage.sent(['-H', `x:${evil}`, '--', `${evil}\n`]);
    assert.deepEqual(await consumer.printed(1), [evil]);
    assert.ok(!existsSync(stage.path('hacked')));
  });

  it('sets no variable that another program looks at, whatever a header is called', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const before = await stage.consumer(['-c1', '--', 'env']);
    await stage.sent(['plain']);
    const namesOf = (text: Buffer) =>
      [...text.toString().matchAll(/^([^=\n]+)=/gm)].map(([, name = '']) => name).sort();
    const usual = namesOf((await before.ended).stdout);
    const names = ['LD_PRELOAD', 'PATH', 'NODE_OPTIONS', 'a=b', '../x', 'x\u0000'.slice(0, 1)];
    const after = await stage.consumer(['-c1', '--', 'env']);
    await stage.sent([...names.flatMap((name) => ['-H', `${name}:evil`]), 'odd']);
    const added = namesOf((await after.ended).stdout).filter((name) => !usual.includes(name));
    assert.equal(added.length, names.length);
    for (const name of added) assert.match(name, /^SIGMQ_MESSAGE_HEADER_[A-Z0-9_]*$/);
  });

  it('that no environment can carry a header to is not run: the message is dead', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    const consumer = await stage.consumer(['--', 'cat']);
    // As another program may: our library refuses it.
    const table = processTable();
    const endpoint = openClientEndpoint(stage.dir, table);
    const sender = new GroupSender({
      ...{ dir: stage.dir, table, endpoint, wait: false },
      ...{ size: new BatchSize(), isPlainText: false },
    });
    const send = (text: string, headers: readonly (readonly [string, string])[]) =>
      sender.send(
        [{ fields: { headers }, body: Buffer.from(text) }],
        {},
        new AbortController().signal,
      );
    await send('never seen', [['x', 'a\0b']]);
    await send('seen', []);
    await endpoint.close();
    await consumer.says(/zero byte/);
    await until('the next message', () => consumer.stdout.toString() === 'seen');
    const { stdout } = await stage.sigmq(['dead', 'ls']).ended;
    assert.match(stdout.toString(), /never seen/);
  });

  it('that cannot be started gives the message back and ends with 126', async (t) => {
    const stage = new Stage(t);
    await stage.broker();
    writeFileSync(stage.path('file'), '');
    await stage.sent(['kept']);
    const { code, stderr } = await stage.sigmq(['consume', '--', `${stage.path('file')}/x`]).ended;
    assert.equal(code, 126, stderr);
    const { stdout } = await stage.sigmq(['peek', '--json']).ended;
    assert.equal(JSON.parse(stdout.toString()).attempt, 1);
  });
});

it('a body is in no process list when it comes from stdin or a file', async (t) => {
  const stage = new Stage(t);
  const body = `stdin-${process.pid}-secret`;
  writeFileSync(stage.path('body'), body);
  // Without a broker `--wait` goes on: time enough to look.
  const fromFile = stage.sigmq(['send', '--wait', '--file', stage.path('body')]);
  const fromStdin = stage.sigmq(['send', '--wait'], { stdin: body });
  await until('both to wait', () =>
    [fromFile, fromStdin].every(({ pid }) => whoShows('--wait', 'cmdline').includes(`${pid}`)),
  );
  assert.deepEqual(whoShows(body, 'cmdline'), []);
  assert.deepEqual(whoShows(body, 'environ'), []);
});
