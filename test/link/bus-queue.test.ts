import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { BusQueue } from '../../src/link/bus-queue.ts';
import { tempDir, until } from '../registry/children.ts';
import { fakeTable, SELF } from '../registry/fake-table.ts';

const LONG_AGO = new Date(1e9);

function given(t: TestContext, ...processes: Parameters<typeof fakeTable>) {
  const clock = { now: 2e9 };
  const dir = join(tempDir(t), 'bus.wait');
  const queue = new BusQueue(dir, fakeTable(...processes), () => clock.now);
  /** Puts a file there that was touched long ago. */
  const put = (name: string) => {
    writeFileSync(join(dir, name), '');
    utimesSync(join(dir, name), LONG_AGO, LONG_AGO);
    return name;
  };
  const enter = (stamp: number, onTurn = () => {}) => {
    const ticket = queue.enter(stamp, 500, onTurn);
    assert.ok(ticket);
    put(ticket.name);
    t.after(() => ticket.leave());
    return ticket;
  };
  const touched = () =>
    readdirSync(dir).filter((name) => statSync(join(dir, name)).mtimeMs === 2e9);
  return { clock, dir, queue, put, enter, touched };
}

describe('BusQueue', () => {
  it('sorts by age, whatever the uptime', (t) => {
    const { dir, enter } = given(t);
    const names = [0, 9.5, 10, 1e6, 9e11].map((stamp) => enter(stamp).name);
    assert.deepEqual(readdirSync(dir).sort(), names);
    assert.equal(names[1], `000000000009500-${SELF}-500`);
  });

  it('calls the oldest, and tells it so', async (t) => {
    const { queue, enter, touched } = given(t);
    const called: string[] = [];
    enter(2, () => called.push('younger'));
    const oldest = enter(1, () => called.push('older'));
    called.length = 0;
    queue.callNext();
    assert.deepEqual(touched(), [oldest.name]);
    await until(() => called.includes('older'));
  });

  it('gives a free bus to nobody past who was called less than 20 ms ago', (t) => {
    const { clock, queue, enter } = given(t);
    const [first, second] = [enter(1), enter(2)];
    assert.equal(queue.isOthersTurn(undefined), false);
    queue.callNext();
    assert.equal(queue.isOthersTurn(undefined), true);
    assert.equal(queue.isOthersTurn(second), true);
    assert.equal(queue.isOthersTurn(first), false);
    clock.now += 19;
    assert.equal(queue.isOthersTurn(second), true);
    clock.now += 1;
    assert.equal(queue.isOthersTurn(second), false);
    assert.equal(queue.isOthersTurn(undefined), false);
  });

  it('does not let a younger one that was called hold up an older one', (t) => {
    const { clock, dir, queue, enter } = given(t);
    const [first, second] = [enter(1), enter(2)];
    utimesSync(join(dir, second.name), clock.now / 1000, clock.now / 1000);
    assert.equal(queue.isOthersTurn(first), false);
  });

  it('forgets who ended, and leaves alone what is no ticket; passes over who is stopped', (t) => {
    const { dir, queue, put, enter, touched } = given(
      t,
      { pid: 71, state: 'Z' },
      { pid: 72, state: 'X' },
      { pid: 73, start: 501 },
      { pid: 74, state: 'T' },
      { pid: 75, state: 't' },
      { pid: 76, state: 'R' },
    );
    for (const name of ['junk', '1-70-500', '2-71-500', '3-72-500', '4-73-500']) put(name);
    const stopped = [put('5-74-500'), put('6-75-500')];
    const able = put('7-76-500');
    const { name } = enter(9e11); // in front of them all: its digits are padded
    unlinkSync(join(dir, name));
    queue.callNext();
    assert.deepEqual(touched(), [able]);
    assert.deepEqual(readdirSync(dir).sort(), [...stopped, able, 'junk']);
    unlinkSync(join(dir, able));
    queue.callNext();
    assert.deepEqual(readdirSync(dir), [...stopped, 'junk']);
  });

  it('leaves the line, also when somebody took us for dead', (t) => {
    const { dir, queue } = given(t);
    const ticket = queue.enter(1, 500, () => {});
    assert.ok(ticket);
    assert.ok(existsSync(join(dir, ticket.name)));
    unlinkSync(join(dir, ticket.name));
    ticket.leave();
    assert.deepEqual(readdirSync(dir), []);
  });
});
