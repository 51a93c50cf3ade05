import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Progress } from '../../src/cli/progress.ts';
import { until } from '../registry/children.ts';

/** stderr as a terminal of this kind, and what is written to it. */
function given(t: TestContext, isTTY: boolean, term = 'xterm') {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 0 });
  let text = '';
  const { TERM } = process.env;
  const before = process.stderr.isTTY;
  process.env.TERM = term;
  process.stderr.isTTY = isTTY;
  t.mock.method(process.stderr, 'write', (chunk: string) => {
    text += chunk;
    return true;
  });
  t.after(() => {
    process.stderr.isTTY = before;
    process.env.TERM = TERM;
  });
  const progress = new Progress();
  return { progress, text: () => text };
}

describe('Progress', () => {
  it('shows a bar after a second at a terminal, and takes it away', async (t) => {
    const { progress, text } = given(t, true);
    progress.bits(10, 1000);
    t.mock.timers.tick(1000);
    progress.bits(500, 1000);
    await until(() => text().includes('sending'));
    progress.bits(600, 1000);
    progress.bits(700, 1000);
    t.mock.timers.tick(1000);
    assert.match(text(), /sending .*\/1000 bits/);
    progress.stop();
    const { length } = text();
    progress.stop();
    progress.bits(800, 1000);
    t.mock.timers.tick(1000);
    assert.equal(text().length, length, 'nothing after its end');
  });

  it('does not begin with it after its end', async (t) => {
    const { progress, text } = given(t, true);
    t.mock.timers.tick(2000);
    progress.bits(500, 1000);
    progress.stop();
    await import('cli-progress');
    await new Promise((resolve) => setImmediate(resolve));
    progress.bits(600, 1000);
    assert.doesNotMatch(text(), /sending/);
  });

  for (const [name, isTTY, term] of [
    ['no terminal', false, 'xterm'],
    ['a dumb one', true, 'dumb'],
  ] as const) {
    it(`shows nothing at ${name}`, async (t) => {
      const { progress, text } = given(t, isTTY, term);
      t.mock.timers.tick(2000);
      progress.bits(500, 1000);
      await new Promise((resolve) => setImmediate(resolve));
      progress.stop();
      assert.doesNotMatch(text(), /sending/);
    });
  }
});
