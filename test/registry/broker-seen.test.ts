/** Which process a foreign broker.pid stands for. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { findBroker, inspectBroker } from '../../src/registry/broker-file.ts';
import { startedAtMs, ticksNow } from '../../src/registry/start-time.ts';
import { tempDir } from './children.ts';
import { fakeTable } from './fake-table.ts';

const PID = 5000;
const HOUR_MS = 3_600_000;
/** Ticks: long enough for a file of that age not to be fresh; a machine has run for so long. */
const LONG = 20_000;

/** A foreign broker.pid; `look` is a send that finds a process with that start. */
function given(t: TestContext, content = `${PID}\n`) {
  const dir = tempDir(t);
  const file = join(dir, 'broker.pid');
  const write = (writtenMs: number, text = content) => {
    writeFileSync(file, text);
    utimesSync(file, writtenMs / 1000, writtenMs / 1000);
  };
  const tableOf = (start: number) => fakeTable({ pid: PID, start, blocksBoth: false });
  const look = (start: number) => {
    try {
      return findBroker(dir, tableOf(start)).kind;
    } catch {
      const found = inspectBroker(dir, tableOf(start));
      return found.ok ? 'found' : found.why;
    }
  };
  return { dir, look, write, seen: () => readFileSync(join(dir, 'broker.seen'), 'utf8') };
}

/** Milliseconds of the wall clock of a tick, and a little later. */
const at = (ticks: number, plus = 0) => (startedAtMs(ticks) ?? Number.NaN) + plus + 0.25;

describe('a foreign broker', () => {
  const now = ticksNow();

  it('that ran when its PID was written is found, and stays found whatever becomes of the time', (t) => {
    const { look, write, seen } = given(t);
    write(at(now - 100, 500));
    assert.equal(look(now - 100), 'plain');
    assert.match(seen(), new RegExp(`^${PID} start=${now - 100} written=[0-9.]+\n$`));
    write(at(now - 100, -HOUR_MS)); // the clock was set forward since
    assert.equal(look(now - 100), 'plain');
    write(at(now));
    assert.equal(look(now - 100), 'plain');
  });

  it('that is younger than the file is refused, also when the file is touched then', (t) => {
    const { look, write, seen } = given(t);
    write(at(now - 100, -HOUR_MS));
    assert.equal(look(now - 100), 'younger');
    assert.match(seen(), new RegExp(`^${PID} before=${now - 100} `));
    write(at(now));
    assert.equal(look(now - 100), 'younger');
  });

  it('whose PID another process has is gone, and no touch brings it back', (t) => {
    const { look, write } = given(t);
    write(at(now - LONG, 500));
    assert.equal(look(now - LONG), 'plain');
    assert.equal(look(now - LONG / 2), 'recycled', 'the file is as it was');
    write(at(now));
    assert.equal(
      look(now - LONG / 2),
      'recycled',
      'it was not written by who started so long before',
    );
    assert.equal(look(now - 100), 'plain', 'a new broker, which wrote it when it started');
    assert.equal(look(now - 100), 'plain');
  });

  it('may say itself when it started, and that it is a plain peer', (t) => {
    const { dir, look, write } = given(t, `${PID} start=500 peer=plain\n`);
    write(at(now));
    assert.equal(look(500), 'plain');
    assert.equal(look(501), 'recycled');
    assert.ok(!existsSync(join(dir, 'broker.seen')), 'there is nothing to write down');
    const bash = fakeTable({ pid: PID, blocksBoth: false, catchesAlike: true });
    assert.equal(findBroker(dir, bash).saysPlain, true);
    write(at(now), `${PID} start=500\n`);
    const found = inspectBroker(dir, bash);
    assert.match(found.ok ? '' : `${found.error.message} ${found.error.hint}`, /alike.*peer=plain/);
  });

  it('is found where nothing can be written down', (t) => {
    const { dir, look, write } = given(t);
    mkdirSync(join(dir, 'broker.seen'));
    write(at(now - 100, 500));
    assert.equal(look(now - 100), 'plain');
    write(at(now - 100, -HOUR_MS));
    assert.equal(look(now - 100), 'younger');
  });

  it('is only looked at by who shows it', (t) => {
    const { dir, write } = given(t);
    write(at(now));
    assert.ok(inspectBroker(dir, fakeTable({ pid: PID })).ok);
    assert.ok(!existsSync(join(dir, 'broker.seen')));
  });
});
