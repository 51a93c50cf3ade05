/** sigmq metrics, and broker --metrics-file: read by Prometheus' own parsers where promtool is installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { parseMetrics } from '../cli/parse-metrics.ts';
import { Program, Stage, until } from './harness.ts';

/** A broker that has stored, delivered and buried something, and its metrics. */
async function busy(t: TestContext) {
  const stage = new Stage(t);
  const file = stage.path('sigmq.prom');
  const broker = await stage.broker(['--metrics-file', file, '--max-attempts', '1']);
  await stage.sent(['-q', 'mail', '--lines'], { stdin: 'one\ntwo\nthree\n' });
  await stage.sigmq(['consume', '-q', 'mail', '-c2', '--', 'true']).ended;
  await stage.sigmq(['consume', '-q', 'mail', '-c1', '--', 'false']).ended;
  const { code, stdout, stderr } = await stage.sigmq(['metrics']).ended;
  assert.deepEqual([code, stderr], [0, '']);
  return { stage, broker, file, text: stdout.toString() };
}

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
const needsPromtool = hasPromtool
  ? {}
  : { skip: 'promtool is missing (Debian: prometheus): the text was not read by its parsers' };

function promtool(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

/** promtool takes this format only from archives, where each sample has a time. */
function assertOpenMetrics(stage: Stage, text: string): void {
  const timed = text.replace(/^[^#].*$/gm, '$& 1700000000');
  const path = stage.path('archive');
  const args = ['tsdb', 'create-blocks-from', 'openmetrics', path, stage.path('blocks')];
  writeFileSync(path, timed);
  const { status, text: said } = promtool(args);
  assert.equal(status, 0, said);
  writeFileSync(path, timed.replace('# EOF\n', ''));
  assert.notEqual(promtool(args).status, 0);
}

describe('sigmq metrics', () => {
  it('counts what happened, by queue', async (t) => {
    const { stage, text } = await busy(t);
    const families = parseMetrics(text);
    const of = (family: string, labels: object, name = `${family}_total`) =>
      families.get(family)?.samples.get(`${name} ${JSON.stringify({ dir: stage.dir, ...labels })}`);
    const mail = { queue: 'mail' };
    const counted = ['accepted', 'done', 'failed', 'dead'].map((kind) =>
      of(`sigmq_messages_${kind}`, mail),
    );
    assert.deepEqual(counted, [3, 2, 1, 1]);
    const latency = 'sigmq_message_latency_seconds';
    assert.equal(of(latency, mail, `${latency}_count`), 2);
    assert.ok((of(latency, mail, `${latency}_sum`) ?? 0) > 0);
    // Three messages came and went, each byte of them in eight signals.
    for (const direction of ['sent', 'received'])
      assert.ok((of('sigmq_signals', { direction }) ?? 0) > 3 * 8 * 8, direction);
    const wait = 'sigmq_bus_wait_seconds';
    assert.ok((of(wait, {}, `${wait}_count`) ?? 0) >= 2);
    const dead = { ...mail, state: 'dead' };
    assert.equal(of('sigmq_queue_messages', dead, 'sigmq_queue_messages'), 1);
  });

  it('needs a broker', async (t) => {
    const { code, stderr } = await new Stage(t).sigmq(['metrics']).ended;
    assert.equal(code, 69);
    assert.match(stderr, /no broker/i);
  });
});

describe('broker --metrics-file', () => {
  it(
    'has the numbers in a file as long as it runs; Prometheus reads it, and what is printed',
    needsPromtool,
    async (t) => {
      const { stage, broker, file, text: printed } = await busy(t);
      assertOpenMetrics(stage, printed);
      const accepted = /^sigmq_messages_accepted_total\{.*queue="mail"\} 3$/m;
      const text = await until('the numbers in the file', () => {
        const text = readFileSync(file, 'utf8');
        return accepted.test(text) && text;
      });
      assert.deepEqual(promtool(['check', 'metrics'], text), { status: 0, text: '' });
      assert.equal((await broker.end()).code, 0);
      assert.ok(!existsSync(file));
    },
  );

  it('refuses at once what cannot be such a file', async (t) => {
    const stage = new Stage(t);
    const { code, stderr } = await stage.sigmq(['broker', '--metrics-file', '/dev/null']).ended;
    assert.equal(code, 73);
    assert.match(stderr, /\/dev\/null exists, and is not a regular file/);
    assert.ok(!existsSync(stage.path('broker.pid')));
  });

  it('goes on without it when its folder is gone', async (t) => {
    const stage = new Stage(t);
    const folder = stage.path('collected');
    await new Program(t, 'mkdir', [folder]).ended;
    const broker = await stage.broker(['--metrics-file', `${folder}/a.prom`]);
    await new Program(t, 'rm', ['-r', folder]).ended;
    await broker.says(/The numbers cannot be written to .*a\.prom/);
    await stage.sent(['hello']);
  });
});
