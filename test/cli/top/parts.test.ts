import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BusWatch } from '../../../src/cli/top/bus-watch.ts';
import { age, glyphsOf, short, sparkline } from '../../../src/cli/top/numbers.ts';
import { Pace } from '../../../src/cli/top/pace.ts';
import { commandText, Processes } from '../../../src/cli/top/processes.ts';
import { BusFile, lockOffset } from '../../../src/link/bus-record.ts';
import { loadAddon } from '../../../src/signals/addon.ts';
import { tempDir } from '../../registry/children.ts';
import { fakeTable } from '../../registry/fake-table.ts';

describe('short', () => {
  for (const [value, text] of [
    [undefined, '-'],
    [0, '0'],
    [0.04, '0.0'],
    [3.14, '3.1'],
    [99.96, '100'],
    [999, '999'],
    [999.6, '1.0k'],
    [12_345, '12.3k'],
    [999_999, '1.0M'],
    [2e15, '2000T'],
  ] as const) {
    it(`writes ${value} as ${text}`, () => assert.equal(short(value), text));
  }

  it('takes five characters at most', () => {
    const property = fc.property(fc.double({ min: 0, max: 9e14, noNaN: true }), (value) =>
      assert.ok(short(value).length <= 5, short(value)),
    );
    fc.assert(property);
  });
});

it('age takes eight characters at most', () => {
  assert.deepEqual([age(0), age(59_000), age(3_723_000)], ['0s', '59s', '1h2m']);
  const property = fc.property(fc.nat(100_000_000_000), (ms) => assert.ok(age(ms).length <= 8));
  fc.assert(property);
});

describe('sparkline', () => {
  it('draws the last values, the largest highest', () => {
    assert.equal(sparkline([9, 0, 1, 2, 4, 8], 5, 'unicode'), '▁▂▃▅█');
    assert.equal(sparkline([0, 7], 4, 'ascii'), '  _@');
    assert.equal(sparkline([0, 0], 2, 'unicode'), '▁▁');
    assert.equal(sparkline([1], 0, 'unicode'), '');
  });
});

it('glyphsOf goes by the locale', () => {
  assert.equal(glyphsOf({ LANG: 'de_DE.UTF-8' }), 'unicode');
  assert.equal(glyphsOf({ LANG: 'de_DE.utf8', LC_ALL: 'C' }), 'ascii');
  assert.equal(glyphsOf({}), 'ascii');
});

describe('Pace', () => {
  it('asks every second as long as that is cheap', () => {
    const pace = new Pace(1000, 0);
    for (let now = 0; now < 1e6; now += 1000) {
      pace.spent(4.5, 100, now);
      assert.equal(pace.restMs, 1000);
    }
  });

  it('takes no more than a hundredth of the time, whatever a question costs', () => {
    const pace = new Pace(1000, 0);
    let [now, spent] = [0, 0];
    while (now < 1e7) {
      pace.spent(125, 200, now);
      spent += 250;
      now += pace.restMs;
    }
    assert.ok(spent <= now / 100 + 500, `${spent} of ${now}`);
    assert.ok(spent >= now / 100 - 500, `${spent} of ${now}`);
  });
});

it('Pace asks no more than a tenth of the time where the answer takes long', () => {
  const pace = new Pace(1000, 0);
  pace.spent(1, 400, 0);
  assert.equal(pace.restMs, 4000);
});

describe('commandText', () => {
  const NODE = '/usr/bin/node\0/opt/sigmq/dist/bin/sigmq.js\0';
  for (const [line, text] of [
    [`${NODE}consume\0-q\0mail\0--\0./deliver\0--fast\0`, './deliver --fast'],
    [`${NODE}consume\0-q\0mail\0`, 'sigmq consume -q mail'],
    ['sigmq-consumer\0-q\0mail\0', 'sigmq-consumer -q mail'],
    ['ruby\0consumer.rb\0--\0x\0', 'ruby consumer.rb -- x'],
    ['', ''],
  ] as const) {
    it(`makes ${JSON.stringify(text)} of it`, () => assert.equal(commandText(line), text));
  }
});

it('Processes reads each command line once, and forgets those that are gone', () => {
  const reads: number[] = [];
  const read = (pid: number) => {
    reads.push(pid);
    return `./work\0${reads.length}\0`;
  };
  const processes = new Processes(fakeTable({ pid: 7, state: 'T' }, { pid: 8 }), read);
  assert.deepEqual(processes.of(7), { command: './work 1', isStopped: true });
  assert.deepEqual(processes.of(7), { command: './work 1', isStopped: true });
  assert.equal(processes.of(8).isStopped, false);
  processes.keep(new Set([8]));
  assert.equal(processes.of(7).command, './work 3');
});

describe('BusWatch', () => {
  const { addon } = loadAddon();

  it('sees how often somebody has the bus, who, and who waits', { skip: !addon }, (t) => {
    const dir = tempDir(t);
    const watch = new BusWatch(dir, 1);
    t.after(() => watch.close());
    watch.look();
    const bus = new BusFile(join(dir, 'bus'));
    t.after(() => bus.close());
    mkdirSync(join(dir, 'bus.wait'));
    writeFileSync(join(dir, 'bus.wait', '000000000000001-5-6'), '');
    const hold = (pid: number, on: 0 | 1) => {
      addon?.lock(bus.fd, lockOffset(3), on);
      bus.write({ generation: 3, pid, stamp: 5 });
    };
    hold(77, 1);
    watch.look();
    hold(77, 0);
    watch.look();
    hold(1, 1); // by ourselves
    watch.look();
    assert.deepEqual(watch.use(), { busy: 0.25, holder: 77, waiting: 1 });
    assert.deepEqual(watch.use(), { busy: undefined, holder: undefined, waiting: 1 });
  });

  it('knows nothing where there is nothing', (t) => {
    const watch = new BusWatch(join(tempDir(t), 'none'), 1);
    watch.look();
    assert.deepEqual(watch.use(), { busy: undefined, holder: undefined, waiting: 0 });
  });
});
