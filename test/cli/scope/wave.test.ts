import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import chalk from 'chalk';
import fc from 'fast-check';
import type { Pulse } from '../../../src/cli/scope/recording.ts';
import { bytesOf, refusalsOf, timeText, usualGap } from '../../../src/cli/scope/recording.ts';
import { ScopeView } from '../../../src/cli/scope/scope-view.ts';
import { spans } from '../../../src/cli/scope/spans.ts';
import { svgOf } from '../../../src/cli/scope/svg.ts';
import { usualScale, wholeText } from '../../../src/cli/scope/wave.ts';
import { columnsOf } from '../../../src/cli/screen/cells.ts';
import { recordingOf } from './pulses.ts';

chalk.level = 0;

const hi = recordingOf([0x68, 0x69, 0]);
/** Half a second later the same again. */
const twice = {
  ...hi,
  pulses: [...hi.pulses, ...recordingOf([0x68, 0x69, 0], 500_000).pulses],
};

describe('a recording as text', () => {
  it('shows bytes, bits, both signals and their echoes over time', () => {
    assert.deepEqual(wholeText(recordingOf([0x68]), 80, 1), [
      '16 signals recorded in 59 µs; 1 column is 1 µs',
      '',
      "byte    ├──────────────────────────'h'──────────────────────────┤               ",
      'bit     0       0       0       1       0       1       1       0               ',
      'USR1 0  █▁▁▁▁▁▁▁█▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁',
      'USR2 1  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁',
      'echo 1  ▁▁▁█▁▁▁▁▁▁▁█▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁',
      'echo 2  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁',
      '        ├ 0 µs ─────────────├ 20 µs ────────────├ 40 µs ────────────├ 60 µs ────',
      '',
    ]);
  });

  it('is never wider than asked, leaves out no signal, and says where nothing happens', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 30, max: 200 }),
        fc.constantFrom(1, 2, 5, 100),
        (columns, scale) => {
          const lines = wholeText(twice, columns, scale);
          const strips = lines.slice(2).filter((line) => !line.includes('…'));
          for (const line of strips) assert.ok(columnsOf(line) <= columns, line);
          const rows = lines
            .filter((line) => /^(USR|echo)/.test(line))
            .map((line) => line.slice(8));
          const marks = rows.join('').replace(/[^█▓]/g, '').length;
          if (scale === 1) assert.equal(marks, twice.pulses.length);
          assert.ok(marks > 0 && marks <= twice.pulses.length);
          assert.ok(lines.some((line) => /nothing for \d+.* ms/.test(line)));
        },
      ),
    );
  });

  it('is scaled so that the bits are apart', () => {
    assert.equal(usualGap(hi.pulses), 8);
    assert.equal(usualScale(hi.pulses), 2);
    assert.equal(usualScale([]), 1);
    assert.equal(usualScale([hi.pulses[0] as Pulse]), 1);
  });

  it('has parts that contain each signal once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10_000)), fc.integer({ min: 1, max: 500 }), (times, span) => {
        const pulses = times
          .sort((a, b) => a - b)
          .map((at): Pulse => ({ at, kind: 'bit', signal: 0, pid: 1 }));
        let next = 0;
        for (const { from, to, begin, end } of spans(pulses, 0, span, 10)) {
          assert.equal(begin, next);
          assert.ok(end > begin, 'not empty');
          for (const { at } of pulses.slice(begin, end)) assert.ok(at >= from && at < to);
          next = end;
        }
        assert.equal(next, pulses.length);
      }),
    );
  });
});

describe('what a recording contains', () => {
  it('its bytes, also of two senders at a time', () => {
    const both = [...hi.pulses, ...recordingOf([0x41], 4, 8).pulses].sort((a, b) => a.at - b.at);
    assert.deepEqual(
      bytesOf(both)
        .map(({ value }) => value)
        .sort((a, b) => a - b),
      [0, 0x41, 0x68, 0x69],
    );
  });

  it('its refusals, and no answers to questions', () => {
    const of = (kind: 'bit' | 'echo' | 'ack', signal: 0 | 1, position?: number): Pulse => ({
      ...{ at: 0, kind, signal, pid: 1 },
      ...(position === undefined ? {} : { position, byte: 0 }),
    });
    const refusal = of('echo', 1);
    const pulses = [
      ...[of('bit', 0, 0), of('echo', 0), of('bit', 0, 7), refusal],
      ...[of('bit', 0), of('echo', 1), of('bit', 0, 0), of('ack', 1)],
    ];
    assert.deepEqual([...refusalsOf(pulses)], [refusal]);
  });

  it('times as people write them', () => {
    assert.deepEqual([0, 12.4, 1250, 3_200_000].map(timeText), [
      '0 µs',
      '12 µs',
      '1.25 ms',
      '3.2 s',
    ]);
  });
});

describe('svgOf', () => {
  it('draws each signal once, and is well-formed', () => {
    const svg = svgOf(twice);
    assert.equal([...svg.matchAll(/v-14h2v14/g)].length, twice.pulses.length);
    assert.match(svg, /ms later</);
    const open: string[] = [];
    for (const [, slash, name = '', self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
      if (slash) assert.equal(open.pop(), name);
      else if (!self) open.push(name);
    }
    assert.deepEqual(open, []);
  });

  it('leaves out what nobody could look at', () => {
    const far = Array.from({ length: 300 }, (_, n) => recordingOf([n % 256], n * 1e6).pulses);
    assert.match(svgOf({ ...hi, pulses: far.flat() }), /and \d+ more signals/);
  });

  it('draws nothing of nothing', () =>
    assert.match(svgOf({ ...hi, pulses: [] }), /^<svg .*<\/svg>\n$/s));
});

describe('ScopeView', () => {
  const size = { columns: 80, rows: 24 };
  const drawn = (view: ScopeView) => view.draw(size, 'a.vcd').join('\n');

  it('waits, follows the end, moves and zooms, and stays within its size', () => {
    const view = new ScopeView();
    assert.match(drawn(view), /^a\.vcd: waiting for signals/);
    view.show(hi);
    assert.match(drawn(view), /a\.vcd: following, /);
    view.show(twice);
    assert.match(drawn(view), /├ 499\.\d+ ms[\s\S]*├ 500\.\d+ ms/, 'the end, and what was before');
    view.onKey('home');
    assert.match(drawn(view), /├ 0 µs/);
    assert.doesNotMatch(drawn(view), /following/);
    view.onKey('n');
    assert.match(drawn(view), /├ 64 µs/, 'the next byte');
    view.onKey('n');
    view.onKey('n');
    assert.match(drawn(view), /├ 500 ms/, 'the one after a pause');
    view.onKey('p');
    assert.match(drawn(view), /├ 128 µs/);
    view.onKey('home');
    view.onKey('+');
    assert.match(drawn(view), /1 column is 1 µs/);
    for (const key of [
      '-',
      '-',
      'left',
      'right',
      'up',
      'down',
      'pageup',
      'pagedown',
      'end',
      'f',
      'x',
    ])
      view.onKey(key);
    for (const rows of [1, 3, 10, 24, 60]) {
      const lines = view.draw({ columns: 80, rows }, 'a.vcd');
      assert.ok(lines.length <= Math.max(rows, 3));
    }
  });
});
