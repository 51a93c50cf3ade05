/** A long job is not a dead consumer. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Program, Stage, stopped, until } from './harness.ts';

/** A job runs until there is a file `end`, and writes down that it began, and how it ended. */
function jobs(stage: Stage) {
  const [runs, end] = [stage.path('runs'), stage.path('end')];
  const script = `echo "begins $SIGMQ_ATTEMPT" >>${runs}; while ! test -e ${end}; do sleep .05; done; echo ends >>${runs}`;
  const lines = () => (existsSync(runs) ? readFileSync(runs, 'utf8').split('\n').slice(0, -1) : []);
  return {
    command: ['--quiet', '--', 'sh', '-c', script],
    lines,
    began: (count: number) =>
      until('a job', () => lines().filter((line) => line.startsWith('begins')).length === count),
    end: () => writeFileSync(end, ''),
  };
}

const isEmpty = async (stage: Stage) =>
  (await stage.sigmq(['ls', '--json']).ended).stdout.length === 0;

async function worker(stage: Stage, command: readonly string[]): Promise<Program> {
  const before = existsSync(stage.path('consumers.txt')) ? stage.read('consumers.txt') : '';
  const consumer = stage.sigmq(['consume', ...command]);
  await until('the consumer', () => {
    const path = stage.path('consumers.txt');
    return existsSync(path) && stage.read('consumers.txt').length > before.length;
  });
  return consumer;
}

describe('a job', () => {
  it('runs once, however long it takes, while others are free, over a restart of the broker', async (t) => {
    const stage = new Stage(t);
    const { command, began, end, lines } = jobs(stage);
    const first = await stage.broker();
    await worker(stage, command);
    await worker(stage, command);
    await stage.sent(['job']);
    await began(1);
    first.signal('SIGKILL');
    await first.ended;
    const second = await stage.broker();
    await stopped(second);
    second.signal('SIGCONT');
    await stage.sent(['another']);
    await began(2);
    end();
    await until('both to be done', () => isEmpty(stage));
    assert.deepEqual(lines().sort(), ['begins 1', 'begins 1', 'ends', 'ends']);
    assert.doesNotMatch(second.stderr, /has not settled/);
  });

  it('that ends after its ack-wait is done all the same when nobody else was there', async (t) => {
    const stage = new Stage(t);
    const { command, began, end, lines } = jobs(stage);
    const broker = await stage.broker(['--ack-wait', '200ms', '--max-attempts', '2']);
    await worker(stage, command);
    await stage.sent(['job']);
    await began(1);
    await broker.says('has not settled message 1');
    end();
    await until('its end', () => isEmpty(stage));
    assert.deepEqual(lines(), ['begins 1', 'ends']);
  });

  it('that ends after its ack-wait and is dead by then stays dead, and runs again when it is kicked', async (t) => {
    const stage = new Stage(t);
    const { command, began, end, lines } = jobs(stage);
    const broker = await stage.broker(['--ack-wait', '200ms', '--max-attempts', '1']);
    await worker(stage, command);
    await stage.sent(['job']);
    await began(1);
    await broker.says('has not settled message 1');
    end();
    await until('the first end', () => lines().length === 2);
    assert.equal((await stage.sigmq(['dead', 'kick']).ended).stdout.toString(), '1 ready again\n');
    await until('its end', () => isEmpty(stage));
    assert.deepEqual(lines(), ['begins 1', 'ends', 'begins 2', 'ends']);
  });
});
