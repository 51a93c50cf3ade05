/** A pooler that gives every transaction another connection, so that nothing is for a session. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Stage, until } from '../e2e/harness.ts';
import { freePort, PostgresServer, postgresUser, withoutPostgres } from './server.ts';

const POOLER = '/usr/sbin/pgbouncer';
const withoutPooler =
  withoutPostgres || (existsSync(POOLER) ? false : 'pgbouncer is not installed: it was not tried');

async function startPooler(server: PostgresServer): Promise<{ port: number; child: ChildProcess }> {
  const port = await freePort();
  const config = join(server.folder, 'pgbouncer.ini');
  writeFileSync(
    config,
    `[databases]
postgres = host=127.0.0.1 port=${server.port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
`,
  );
  const user = postgresUser();
  if (user) chownSync(config, user.uid, user.gid);
  const child = spawn(POOLER, [config], { ...user, stdio: 'ignore', cwd: server.folder });
  await until('the pooler', () => {
    return new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('connect', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('close', () => socket.destroy());
      socket.unref();
    });
  });
  return { port, child };
}

describe('behind a pooler in transaction mode', { skip: withoutPooler }, () => {
  let server: PostgresServer;
  let pooler: { port: number; child: ChildProcess };
  before(async () => {
    server = await PostgresServer.start();
    pooler = await startPooler(server);
  });
  after(() => {
    pooler.child.kill();
    server.remove();
  });

  it('brokers work, look for what others have sent, and say so', async (t) => {
    const url = server.url('pooled', pooler.port);
    const [a, b] = [new Stage(t), new Stage(t)];
    await a.broker(['--store', url]);
    await b.broker(['--store', url]);
    const consumer = await b.consumer();
    const lines = Array.from({ length: 200 }, (_, n) => `${n}`);
    await a.sent(['--lines'], { stdin: lines.join('\n') });
    assert.deepEqual(await consumer.printed(200), lines);
    await a.sent(['--delay', '100ms', 'later']);
    assert.equal((await consumer.printed(201)).at(-1), 'later');
    const { stdout } = await a.sigmq(['doctor']).ended;
    assert.match(stdout.toString(), /no notifications \(LISTEN\)/);
    const exported = await a.sigmq(['export', '--store', url]).ended;
    assert.deepEqual([exported.code, /pooler/.test(exported.stderr)], [78, true], exported.stderr);
  });
});
