/** Whether a connection is ours alone, seen through poolers that are made here. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Client } from 'pg';
import { isShared } from '../../src/queue/postgres/driver.ts';

const OURS = 11;
const OTHERS = 12;

/** A client whose transactions get these backends, the last of them for ever. */
function clientOn(...backends: number[]): Client {
  const query = async (text: string) => {
    if (!text.startsWith('SELECT')) return { rows: [] };
    const pid = backends.length > 1 ? backends.shift() : backends[0];
    return { rows: [{ pid }] };
  };
  const [on, connect, end] = [() => {}, async () => {}, async () => {}];
  return { processID: 99, query, on, connect, end } as unknown as Client;
}

describe('a connection through a pooler', () => {
  it('is shared when another client gets it, also when somebody else was faster at first', async () => {
    const other = clientOn(OTHERS, OTHERS, OURS);
    assert.equal(await isShared(clientOn(OURS), () => other), true);
  });

  it('is shared when it becomes another one', async () => {
    const client = clientOn(OURS, OURS, OURS, OTHERS);
    assert.equal(await isShared(client, () => clientOn(OTHERS)), true);
  });

  it('is ours alone when it stays the same and nobody gets it', async () => {
    assert.equal(await isShared(clientOn(OURS), () => clientOn(OTHERS)), false);
  });
});
