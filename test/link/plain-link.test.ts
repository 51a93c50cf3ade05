import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bitAt, SignalCodec } from '../../src/codec/signal-codec.ts';
import { PlainLink } from '../../src/link/plain-link.ts';
import { linuxProcessTable } from '../../src/registry/process-table.ts';
import { utf8 } from '../codec/vectors.ts';
import { tempDir, until } from '../registry/children.ts';

describe('PlainLink', () => {
  it('is a plain peer for everybody, and takes messages bit by bit', async (t) => {
    const bodies: string[] = [];
    const taken = { bits: 0 };
    const link = new PlainLink({
      dir: tempDir(t),
      maxFrameBytes: 100,
      onPlain: ({ pid }, body) => bodies.push(`${pid}:${Buffer.from(body)}`),
    });
    const info = linuxProcessTable.read(process.pid);
    assert.deepEqual([info?.catchesBoth, info?.blocksBoth], [true, false]);
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => taken.bits++);
    const frame = SignalCodec.encode(utf8('hü'));
    for (let n = 0; n < frame.length * 8; n++) {
      process.kill(process.pid, bitAt(frame, n) === 0 ? 'SIGUSR1' : 'SIGUSR2');
      await until(() => taken.bits > n);
    }
    assert.deepEqual(bodies, ['0:hü']);
    await link.close();
    process.kill(process.pid, 'SIGUSR1'); // does not kill
    await until(() => taken.bits > frame.length * 8);
  });

  it('lets one transmit at a time', async (t) => {
    const dir = tempDir(t);
    const options = { dir, maxFrameBytes: 100, onPlain: () => {} };
    const [a, b] = [new PlainLink(options), new PlainLink(options)];
    let inside = 0;
    const work = async () => {
      assert.equal(++inside, 1);
      assert.ok(existsSync(join(dir, 'bus.lock')));
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      return 'done';
    };
    assert.deepEqual(await Promise.all([a.withBus(work), b.withBus(work)]), ['done', 'done']);
    await assert.rejects(
      a.withBus(() => Promise.reject(new Error('of the work'))),
      /of the work/,
    );
    assert.equal(existsSync(join(dir, 'bus.lock')), false);
  });

  it('stops waiting when that is aborted, and says where no lock can be', async (t) => {
    const dir = tempDir(t);
    const link = new PlainLink({ dir, maxFrameBytes: 100, onPlain: () => {} });
    const abort = new AbortController();
    await link.withBus(async () => {
      const waiting = link.withBus(async () => assert.fail('two at once'), abort.signal);
      abort.abort(new Error('enough'));
      await assert.rejects(waiting, /enough/);
    });
    const missing = join(dir, 'missing');
    const nowhere = new PlainLink({ dir: missing, maxFrameBytes: 100, onPlain: () => {} });
    await assert.rejects(
      nowhere.withBus(async () => {}),
      { code: 'bus-full', exitCode: 75 },
    );
  });
});
