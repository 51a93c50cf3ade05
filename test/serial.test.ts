import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Serial } from '../src/serial.ts';

/** Work that ends when it is told to, and what has begun and ended. */
function given() {
  const serial = new Serial();
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  const add = (name: string, signal?: AbortSignal) =>
    serial.add(async () => {
      log.push(`${name} begins`);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      log.push(`${name} ends`);
      return name;
    }, signal);
  const end = async (name: string) => {
    ends.get(name)?.();
    await turn();
  };
  return { serial, log, add, end };
}

describe('Serial', () => {
  it('does one after the other, and returns what each does', async () => {
    const { log, add, end } = given();
    const all = Promise.all([add('a'), add('b')]);
    await turn();
    assert.deepEqual(log, ['a begins']);
    await end('a');
    assert.deepEqual(log, ['a begins', 'a ends', 'b begins']);
    await end('b');
    assert.deepEqual(await all, ['a', 'b']);
  });

  it('goes on after a failure, of which only its own caller hears', async () => {
    const { serial, log, add, end } = given();
    const failing = serial.add(() => Promise.reject(new Error('of a')));
    const throwing = serial.add(() => {
      throw new Error('of b');
    });
    const next = add('c');
    await assert.rejects(failing, /of a/);
    await assert.rejects(throwing, /of b/);
    await turn();
    assert.deepEqual(log, ['c begins']);
    await end('c');
    assert.equal(await next, 'c');
  });

  it('lets one give up its wait, and those behind it wait on', async () => {
    const { log, add, end } = given();
    const first = add('a');
    const abort = new AbortController();
    const late = add('b', abort.signal);
    const next = add('c');
    abort.abort(new Error('too late'));
    await assert.rejects(late, /too late/);
    await turn();
    assert.deepEqual(log, ['a begins']);
    await end('a');
    await end('c');
    assert.deepEqual(await Promise.all([first, next]), ['a', 'c']);
    assert.equal(log.includes('b begins'), false);
  });

  it('does nothing for one that was aborted before, and leaves alone what has begun', async () => {
    const { log, add, end } = given();
    await assert.rejects(add('a', AbortSignal.abort(new Error('before'))), /before/);
    const abort = new AbortController();
    const begun = add('b', abort.signal);
    await turn();
    abort.abort(new Error('late'));
    await end('b');
    assert.equal(await begun, 'b');
    assert.deepEqual(log, ['b begins', 'b ends']);
  });

  it('says when all that was added has ended', async () => {
    const { serial, add, end } = given();
    await serial.ended;
    const last = add('a');
    let isOver = false;
    const over = serial.ended.then(() => {
      isOver = true;
    });
    await turn();
    assert.equal(isOver, false);
    await end('a');
    await Promise.all([last, over]);
  });
});
