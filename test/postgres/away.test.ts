/** A store that is away, or that is not let in to. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it, type TestContext } from 'node:test';
import { Stage } from '../e2e/harness.ts';
import { endAfter } from '../end-after.ts';
import { twoHosts } from './host.ts';
import { PostgresServer, withoutPostgres } from './server.ts';

describe('brokers whose store cannot be used', { skip: withoutPostgres }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.remove());

  const given = (t: TestContext, args: readonly string[] = []) => twoHosts(t, server, args);

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

  it('make the group of a consumer that was started meanwhile, and waits', async (t) => {
    const { a } = await given(t);
    server.kill();
    await a.broker.says('cannot be reached');
    const early = a.stage.sigmq(['consume', '-g', 'audit', '-c1']);
    await early.says(/cannot make the group now.*cannot be reached/);
    const idle = await a.stage.sigmq(['consume', '-g', 'audit', '-W', '100ms']).ended;
    assert.equal(idle.code, 124, idle.stderr);
    const empty = await a.stage.sigmq(['consume', '-g', 'audit', '--exit-empty']).ended;
    assert.equal(empty.code, 75, empty.stderr);
    assert.doesNotMatch(empty.stderr, /is asked until/);
    const stopped = a.stage.sigmq(['consume', '-g', 'audit']);
    await stopped.says('cannot make the group now');
    stopped.signal('SIGINT');
    assert.equal((await stopped.ended).signal, 'SIGINT');
    server.run();
    await early.says('waits for messages');
    await a.stage.sent(['x']);
    const { code, stdout, stderr } = await early.ended;
    assert.deepEqual([code, stdout.toString()], [0, 'x\n'], stderr);
    assert.equal(stderr.match(/cannot make the group/g)?.length, 1, stderr);
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

  it('hear of what one has stored and could not tell of any more, when it is back', async (t) => {
    const { a, b, url } = await given(t);
    const consumer = await b.stage.consumer();
    await a.stage.sent(['told']);
    assert.deepEqual(await consumer.printed(1), ['told']);
    // As if it had been killed between the two.
    const schema = new URL(url).searchParams.get('schema');
    server.sql(`INSERT INTO ${schema}.messages (queue, state, priority, position, body, enqueued_at, bytes)
      VALUES ('default', 'ready', 0, 1, 'untold', 1, 6)`);
    a.broker.signal('SIGKILL');
    await a.broker.ended;
    await a.stage.broker(['--store', url]);
    assert.deepEqual(await consumer.printed(2), ['told', 'untold']);
  });

  it('say what cannot be done while the store is away with 75, and do not half of it', async (t) => {
    const { a } = await given(t);
    await a.stage.sent(['x']);
    server.kill();
    await a.broker.says('cannot be reached');
    for (const args of [
      ['ls'],
      ['pause'],
      ['drain'],
      ['show', '1'],
      ['purge', '--force'],
      ['rm', '1'],
    ]) {
      const { code, stderr } = await a.stage.sigmq(args).ended;
      assert.deepEqual([args, code], [args, 75], stderr);
    }
    server.run();
    await a.broker.says('can be reached again');
    assert.equal((await a.status()).draining, false);
    await a.stage.sent(['y']);
  });

  it('ask for a password with 77, and what to do', async (t) => {
    const secret = await PostgresServer.start({ secretFor: 'locked' });
    endAfter(t, () => secret.remove());
    const url = `postgres://locked@127.0.0.1:${secret.port}/postgres?sslmode=disable`;
    const stage = new Stage(t, { HOME: new Stage(t).dir });
    const none = await stage.sigmq(['broker', '--store', url]).ended;
    assert.equal(none.code, 77, none.stderr);
    assert.match(none.stderr, /asks for a password, and none is given.*PGPASSWORD/s);
    const file = stage.path('pgpass');
    writeFileSync(file, `127.0.0.1:${secret.port}:*:locked:pass word\n`, { mode: 0o600 });
    secret.sql('GRANT CREATE ON DATABASE postgres TO locked');
    const broker = await stage.broker(['--store', url], { env: { PGPASSFILE: file } });
    assert.doesNotMatch(broker.stderr, /warning|deprecat/i);
    await stage.sent(['x']);
  });

  it('show nothing of a URL that cannot be read', async (t) => {
    const stage = new Stage(t);
    for (const url of [
      ...['postgres://u:s3c/ret@h/db', 'postgres://u:s3c%ret@h/db', 'postgres://u:12/s3cret@h/db'],
      ...['postgres://u:s3cret?x@h/db', 'postgres://u:s3cret#@h/db', 'POSTGRES://u:s3cret@h/db'],
      ...[' postgres://u:s3cret@h/db', 'mysql://u:s3cret@h/d', 'postgres:/u:s3cret@h/db'],
      ...['host=h user=u password=s3cret', 'postgres://h/db?s3cret=1', 'postgres://h:s3cret/db'],
    ]) {
      const given = { env: { SIGMQ_STORE: url } };
      for (const args of [['broker'], ['doctor'], ['broker', '--store', url]]) {
        const { code, stdout, stderr } = await stage.sigmq(args, given).ended;
        assert.doesNotMatch(`${stdout}${stderr}`, /s3c|ret@|cret/, `${url} ${args}`);
        assert.ok(code === 64 || (code === 1 && args[0] === 'doctor'), `${url}: ${code} ${stderr}`);
      }
    }
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
