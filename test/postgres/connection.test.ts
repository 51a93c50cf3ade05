import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseAddress } from '../../src/queue/postgres/address.ts';
import { PostgresConnection } from '../../src/queue/postgres/connection.ts';
import { PostgresServer, withoutPostgres } from './server.ts';

describe('a connection to PostgreSQL', { skip: withoutPostgres }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.remove());

  it('is patient with one statement, also when that fails', async (t) => {
    const connection = await PostgresConnection.open({
      address: parseAddress(server.url('patient'), {}),
      ...{ commit: 'fast', application: 'test', onLost: () => {} },
    });
    t.after(() => connection.close());
    const timeout = async () => (await connection.ask('SHOW statement_timeout'))[0];
    const usual = await timeout();
    await connection.askPatiently('SELECT 1');
    assert.deepEqual(await timeout(), usual);
    await assert.rejects(connection.askPatiently('SELECT 1 / 0'), /division by zero/);
    assert.deepEqual(await timeout(), usual);
    assert.notDeepEqual(usual, { statement_timeout: '0' });
  });
});
