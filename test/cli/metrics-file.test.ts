import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { MetricsFile } from '../../src/cli/metrics-file.ts';
import { FakeClock } from '../link/fakes.ts';
import { tempDir, until } from '../registry/children.ts';
import { metrics } from './fakes.ts';

function given(t: TestContext) {
  const folder = join(tempDir(t), 'collected');
  mkdirSync(folder);
  const path = join(folder, 'a.prom');
  const file = new MetricsFile(path);
  t.after(() => file.stop());
  const errors: unknown[] = [];
  const start = (take = async () => metrics) => file.start(take, (error) => errors.push(error));
  return { folder, path, file, errors, start };
}

describe('MetricsFile', () => {
  it('is there with all numbers, and nothing beside it, until it is stopped', async (t) => {
    const { folder, path, file, errors, start } = given(t);
    assert.deepEqual(readdirSync(folder), []);
    start();
    await until(() => existsSync(path));
    assert.deepEqual(readdirSync(folder), ['a.prom']);
    assert.match(readFileSync(path, 'utf8'), /^# TYPE sigmq_.*# EOF\n$/s);
    file.stop();
    assert.deepEqual([readdirSync(folder), errors], [[], []]);
  });

  it('is written again every 5 s, less often when the numbers take long', async (t) => {
    const clock = new FakeClock(t);
    const { start } = given(t);
    let asked = 0;
    start(async () => {
      asked++;
      if (asked === 2) clock.ms += 200;
      return metrics;
    });
    for (const [ms, expected] of [
      [10, 1],
      [4990, 1],
      [10, 2],
      [19_990, 2],
      [10, 3],
    ] as const) {
      await clock.pass(ms);
      assert.equal(asked, expected);
    }
  });

  it('tells once of what goes wrong, and goes on', async (t) => {
    const clock = new FakeClock(t);
    const { folder, path, errors, start } = given(t);
    rmSync(folder, { recursive: true });
    start();
    await clock.pass(15_000);
    assert.deepEqual(
      errors.map((error) => (error as { code: string }).code),
      ['no-metrics-file'],
    );
    mkdirSync(folder);
    await clock.pass(5000);
    assert.ok(existsSync(path));
  });

  it('leaves a file alone that another broker has written since', async (t) => {
    const { path, file, start } = given(t);
    start();
    await until(() => existsSync(path));
    rmSync(path);
    writeFileSync(path, 'of another');
    file.stop();
    assert.equal(readFileSync(path, 'utf8'), 'of another');
  });

  it('tells once that another broker writes the same file, and which', async (t) => {
    const clock = new FakeClock(t);
    const { path, errors, start } = given(t);
    start();
    await clock.pass(5000);
    assert.deepEqual(errors, []);
    rmSync(path);
    await clock.pass(5000);
    assert.deepEqual(errors, []);
    const other = new MetricsFile(path);
    t.after(() => other.stop());
    const ofOther: unknown[] = [];
    other.start(
      async () => ({ ...metrics, dir: '/run/other' }),
      (error) => ofOther.push(error),
    );
    await clock.pass(20_000);
    const said = [errors, ofOther].map((all) => all.map((error) => (error as Error).message));
    assert.deepEqual(said, [
      [`The broker of /run/other writes to ${path}, too.`],
      [`The broker of /run/\\"x\\" writes to ${path}, too.`],
    ]);
  });

  it('tells of somebody else, who is no broker', async (t) => {
    const clock = new FakeClock(t);
    const { path, errors, start } = given(t);
    start();
    await clock.pass(100);
    rmSync(path);
    writeFileSync(path, 'junk');
    await clock.pass(10_000);
    const messages = errors.map((error) => (error as Error).message);
    assert.deepEqual(messages, [`Somebody else writes to ${path}, too.`]);
  });

  for (const [what, make] of [
    ['a directory', (path: string) => mkdirSync(path)],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
  ] as const) {
    it(`is not to be ${what}`, (t) => {
      const path = join(tempDir(t), 'a.prom');
      make(path);
      assert.throws(() => new MetricsFile(path), { code: 'metrics-not-a-file', exitCode: 73 });
    });
  }

  it('needs a folder that can be written', (t) => {
    const path = join(tempDir(t), 'none', 'a.prom');
    assert.throws(() => new MetricsFile(path), { code: 'no-metrics-file', exitCode: 73 });
    const file = join(tempDir(t), 'file');
    writeFileSync(file, '');
    const within = join(file, 'a.prom');
    assert.throws(() => new MetricsFile(within), { code: 'no-metrics-file', exitCode: 73 });
  });
});
