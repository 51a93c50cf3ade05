import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Deaths } from '../../src/broker/deaths.ts';
import { loadAddon } from '../../src/signals/addon.ts';
import { gonePid, stranger, until } from '../registry/children.ts';
import { consumer } from './fakes.ts';

function given(t: TestContext) {
  let count = 0;
  const deaths = new Deaths(() => count++);
  t.after(() => deaths.forgetAll());
  return { deaths, count: () => count };
}

describe('Deaths', { skip: loadAddon().why ?? false }, () => {
  it('tells once when one ends, however often it is to be watched', async (t) => {
    const { deaths, count } = given(t);
    const [one, two] = [stranger(t), stranger(t)];
    for (const { pid } of [one, one, two]) deaths.watch(consumer({ pid }));
    await one.kill('SIGKILL');
    await until(() => count() === 1);
    await two.kill('SIGKILL');
    await until(() => count() === 2);
  });

  it('tells nothing of who was forgotten', async (t) => {
    const { deaths, count } = given(t);
    const [one, two] = [stranger(t), stranger(t)];
    for (const { pid } of [one, two]) deaths.watch(consumer({ pid }));
    deaths.forget(`${one.pid}:500`);
    deaths.forget(`${one.pid}:500`);
    await one.kill('SIGKILL');
    await two.kill('SIGKILL');
    await until(() => count() > 0);
    assert.equal(count(), 1);
  });

  it('leaves out who has ended before', async (t) => {
    const { deaths, count } = given(t);
    deaths.watch(consumer({ pid: await gonePid(t) }));
    assert.equal(count(), 0);
  });
});
