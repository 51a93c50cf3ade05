/** The endpoint of this process, with the addon. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { Endpoint, type Numbers, type Receiver } from '../../src/link/endpoint.ts';
import { linuxProcessTable as table } from '../../src/registry/process-table.ts';
import { loadAddon } from '../../src/signals/addon.ts';
import { blocker, catcher, gonePid, startPython, tempDir } from '../registry/children.ts';
import { frameOf } from './fakes.ts';

const receiver: Receiver = { onFrame: () => 0, onPlain: () => {}, onBug: () => {} };
const open: Endpoint[] = [];

function endpointIn(dir: string, more: { receiver?: Receiver } = {}): Endpoint {
  const endpoint = Endpoint.open({ dir, table, maxFrameBytes: 1000, ...more });
  open.push(endpoint);
  return endpoint;
}

afterEach(async () => {
  for (const endpoint of open.splice(0)) await endpoint.close();
});

const startOf = (pid: number) => table.read(pid)?.start ?? 0;

describe('Endpoint', { skip: loadAddon().why ?? false }, () => {
  it('is one for a process, and takes part in one directory', (t) => {
    const dir = tempDir(t);
    const endpoint = endpointIn(dir);
    assert.equal(endpointIn(dir), endpoint);
    assert.throws(() => endpointIn(tempDir(t)), { code: 'one-directory', exitCode: 64 });
    const info = table.read(process.pid);
    assert.equal(info?.blocksBoth, true);
  });

  it('has one receiver; who closes gives way to the next', async (t) => {
    const dir = tempDir(t);
    const producer = Endpoint.open({ dir, table, maxFrameBytes: 1000 });
    const consumer = Endpoint.open({ dir, table, maxFrameBytes: 1000, receiver });
    assert.throws(() => endpointIn(dir, { receiver }), { code: 'one-receiver', exitCode: 64 });
    await consumer.close(receiver);
    await Endpoint.open({ dir, table, maxFrameBytes: 1000, receiver }).close(receiver);
    await producer.close();
    endpointIn(tempDir(t)); // the last one has left the first directory
  });

  it('numbers frames one after the other', async (t) => {
    const endpoint = endpointIn(tempDir(t));
    const log: string[] = [];
    const numbers: number[] = [];
    const work = (name: string) =>
      endpoint.numbered(async ({ number }) => {
        log.push(`${name} begins`);
        numbers.push(number);
        await new Promise((resolve) => setImmediate(resolve));
        log.push(`${name} ends`);
        return undefined;
      });
    await Promise.all([work('a'), work('b'), work('c')]);
    const [first = -1] = numbers;
    assert.deepEqual(numbers, [first, first + 1, first + 2]);
    assert.deepEqual(log, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('lets a sender give up its wait for the earlier ones, which costs no number and no turn', async (t) => {
    const endpoint = endpointIn(tempDir(t));
    const numbers: number[] = [];
    let end = () => {};
    const work = async ({ number }: Numbers) => {
      numbers.push(number);
      return undefined;
    };
    await endpoint.numbered(work);
    const slow = endpoint.numbered(
      () => new Promise<undefined>((resolve) => (end = () => resolve(undefined))),
    );
    const abort = new AbortController();
    const late = endpoint.numbered(() => assert.fail('it had given up'), abort.signal);
    const next = endpoint.numbered(work);
    abort.abort(new Error('too late'));
    await assert.rejects(late, /too late/);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(numbers.length, 1, 'the slow one is still at it');
    end();
    await slow;
    await next;
    assert.equal(numbers[1], (numbers[0] ?? 0) + 2);
    await assert.rejects(endpoint.numbered(work, AbortSignal.abort(new Error('before'))));
  });

  it('knows who has confirmed all frames so far, and nobody when one was given up', async (t) => {
    const endpoint = endpointIn(tempDir(t));
    const known: (number | undefined)[] = [];
    const confirmedBy = (incarnation: number | undefined) =>
      endpoint.numbered(async ({ knownTo }) => {
        known.push(knownTo);
        return incarnation;
      });
    await confirmedBy(7);
    await confirmedBy(8);
    await assert.rejects(
      endpoint.numbered(() => Promise.reject(new Error('lost'))),
      /lost/,
    );
    await confirmedBy(undefined);
    await confirmedBy(7);
    assert.deepEqual(known.slice(1), [7, undefined, undefined]);
  });

  it('gives the bus to one after the other, and goes on after a failure', async (t) => {
    const dir = tempDir(t);
    const endpoint = endpointIn(dir);
    let inside = 0;
    const work = async () => {
      assert.equal(++inside, 1);
      assert.ok(existsSync(join(dir, 'bus')));
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    const failing = endpoint.exclusively(() => Promise.reject(new Error('of the work')));
    await Promise.all(
      [work, work]
        .map((each) => endpoint.exclusively(each))
        .concat(assert.rejects(failing, /of the work/)),
    );
  });

  it('sends nothing to who would not know what to do with it', async (t) => {
    const endpoint = endpointIn(tempDir(t));
    const send = (pid: number, start = startOf(pid)) =>
      endpoint.echo?.withBus((channel) => channel.send({ pid, start }, frameOf('hi')));
    await assert.rejects(async () => send((await catcher(t)).pid), { code: 'not-echo' });
    await assert.rejects(async () => send(await gonePid(t)), { code: 'unsafe-target' });
    await assert.rejects(async () => send((await blocker(t)).pid, 1), { code: 'unsafe-target' });
  });

  it('is told when a peer dies in the middle, and when one is stopped', async (t) => {
    const endpoint = endpointIn(tempDir(t));
    for (const [act, code] of [
      ['os.kill(os.getpid(), signal.SIGKILL)', 'peer-gone'],
      ['os.kill(os.getpid(), signal.SIGSTOP)', 'peer-stalled'],
    ] as const) {
      const child = startPython(
        t,
        `block(signal.SIGUSR1, signal.SIGUSR2)
print('ready', flush=True)
while not signal.sigpending(): pass
${act}`,
      );
      assert.equal(await child.line(), 'ready');
      const target = { pid: child.pid, start: startOf(child.pid) };
      await assert.rejects(
        async () => endpoint.echo?.withBus((channel) => channel.send(target, frameOf('hi'))),
        { code },
      );
    }
  });

  it('gives up what it does when it is closed, and does nothing after it', async (t) => {
    const endpoint = Endpoint.open({ dir: tempDir(t), table, maxFrameBytes: 1000 });
    const { pid } = await blocker(t); // which never answers
    const target = { pid, start: startOf(pid) };
    let begun = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const sending = endpoint.echo?.withBus((channel) => {
      const sent = channel.send(target, frameOf('hi'));
      begun();
      return sent;
    });
    const failed = assert.rejects(async () => sending, { code: 'link-closed' });
    await hasBegun;
    await endpoint.close();
    await failed;
    await assert.rejects(
      endpoint.exclusively(async () => {}),
      { code: 'link-closed' },
    );
  });
});
