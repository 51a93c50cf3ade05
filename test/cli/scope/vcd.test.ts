import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Pulse, Recording } from '../../../src/cli/scope/recording.ts';
import { VcdWriter } from '../../../src/cli/scope/vcd.ts';
import { VcdReader } from '../../../src/cli/scope/vcd-reader.ts';
import type { SigmqError } from '../../../src/errors.ts';
import { tempDir } from '../../registry/children.ts';
import { recordingOf } from './pulses.ts';

const INFO = new Map([
  ['by', 'send'],
  ['one', 'usr2'],
]);

function written({ pulses }: Pick<Recording, 'pulses'>, info = INFO): string {
  const writer = new VcdWriter();
  const head = writer.head(info, new Date(0));
  return head + pulses.map((pulse) => writer.add(pulse)).join('') + writer.rest();
}

function read(text: string): VcdReader {
  const reader = new VcdReader('x.vcd');
  reader.push(text);
  return reader;
}

const hi = recordingOf([0x68, 0x69, 0]);

const pulse = fc
  .record({
    gap: fc.nat(5),
    kind: fc.constantFrom('bit', 'echo', 'ack'),
    signal: fc.constantFrom(0, 1),
    pid: fc.nat(3),
    position: fc.option(fc.nat(7)),
    byte: fc.nat(255),
  })
  .map(({ position, byte, kind, ...rest }) => ({
    ...rest,
    kind,
    ...(kind === 'bit' && position !== null ? { position, byte } : {}),
  }));

describe('a recording as a value change dump', () => {
  it('is read as it was written', () => {
    const reader = read(written(hi));
    assert.deepEqual(Object.fromEntries(reader.info), { by: 'send', one: 'usr2' });
    const shape = ({ kind, signal, position, byte }: Pulse) => ({ kind, signal, position, byte });
    assert.deepEqual(reader.pulses.map(shape), hi.pulses.map(shape));
    assert.equal(reader.pulses.at(-1)?.at, hi.pulses.at(-1)?.at);
  });

  it('loses no signal, however close they are, and keeps their order and their senders', () => {
    fc.assert(
      fc.property(fc.array(pulse, { minLength: 1 }), fc.nat(100), (some, cut) => {
        let at = 0;
        const pulses = some.map(({ gap, ...rest }) => {
          at += gap;
          return { ...rest, at };
        }) as Pulse[];
        const text = written({ pulses });
        const reader = new VcdReader('x.vcd');
        // In two parts, cut anywhere.
        const where = Math.floor((text.length * cut) / 100);
        reader.push(text.slice(0, where));
        reader.push(text.slice(where));
        const shape = ({ kind, signal, position, byte }: Pulse) => [kind, signal, position, byte];
        assert.deepEqual(reader.pulses.map(shape), pulses.map(shape));
        const same = (list: readonly Pulse[]) =>
          list.map(({ pid }) => list.findIndex((other) => other.pid === pid));
        assert.deepEqual(same(reader.pulses), same(pulses));
        const times = reader.pulses.map(({ at }) => at);
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        );
      }),
    );
  });

  it('may be of another program: other names, another scale, indexes apart, vectors', () => {
    const reader = read(
      [
        '$timescale',
        ' 10 ns $end',
        '$scope module top $end $var wire 1 ! usr1 $end $var wire 1 " usr2 $end',
        '$var wire 1 # bits [0] $end $var reg 8 $ other [7:0] $end',
        '$upscope $end $enddefinitions $end',
        '#0 0! 0" b101 $ $comment by=nobody $end',
        '#500 1" 1#',
        '#600 0"',
        '',
      ].join('\n'),
    );
    assert.deepEqual(reader.pulses, [
      { at: 5, kind: 'bit', signal: 1, pid: 0, position: 0, byte: 0 },
    ]);
  });

  it('says after its definitions what need not be known', () => {
    const { pulses } = read(`${written(hi)}$timescale 3 hours $end\n$comment ${'x '.repeat(9)}`);
    assert.equal(pulses.length, hi.pulses.length);
  });

  for (const [name, text] of [
    ['text', 'hello\nworld\n'],
    ['no end of a line', 'x'.repeat(2 << 20)],
    ['a head that never ends', '$comment x $end\n'.repeat(1 << 17)],
    ['other signals', '$var wire 1 ! clk $end\n$enddefinitions $end\n'],
    ['a strange scale', '$timescale 3 hours $end\n'],
    ['a strange word', `${written(hi)}\nhello\n`],
    ['a strange time', `${written(hi)}\n#soon\n`],
  ] as const) {
    it(`is refused: ${name}`, () => {
      assert.throws(
        () => read(text),
        (error: SigmqError) =>
          error.code === ('not-a-recording' as string) && error.exitCode === 65,
      );
    });
  }

  it('says nothing to a terminal that is no text', () => {
    const { info } = read(written(hi, new Map([['pid', '\x1b]0;title\x07\x9b31m']])));
    assert.equal(info.get('pid'), '\\x1b]0;title\\x07\\x9b31m');
  });

  it('never fails otherwise, whatever the file is', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (junk, at) => {
        const text = written(hi);
        const where = at % text.length;
        try {
          read(`${text.slice(0, where)}${junk}\n${text.slice(where)}`);
        } catch (error) {
          assert.equal((error as SigmqError).code, 'not-a-recording');
        }
      }),
    );
  });
});

const has = (command: string) => spawnSync(command, ['--version']).error === undefined;

describe('other readers of value change dumps', () => {
  it('GTKWave takes all of it', {
    skip: !has('vcd2fst') && 'SKIPPED: vcd2fst (gtkwave) is not installed',
  }, (t) => {
    const [vcd, fst, back] = ['a.vcd', 'a.fst', 'b.vcd'].map((name) => join(tempDir(t), name));
    writeFileSync(vcd as string, written(hi));
    execFileSync('vcd2fst', [vcd as string, fst as string]);
    execFileSync('fst2vcd', ['-f', fst as string, '-o', back as string]);
    const text = execFileSync('cat', [back as string], { encoding: 'utf8' });
    const shape = ({ kind, signal, position, byte }: Pulse) => [kind, signal, position, byte];
    assert.deepEqual(read(text).pulses.map(shape), hi.pulses.map(shape));
  });

  it('sigrok takes all of it', {
    skip: !has('sigrok-cli') && 'SKIPPED: sigrok-cli is not installed',
  }, (t) => {
    const vcd = join(tempDir(t), 'a.vcd');
    writeFileSync(vcd, written(hi));
    const csv = execFileSync('sigrok-cli', ['-I', 'vcd', '-i', vcd, '-O', 'csv'], {
      encoding: 'utf8',
    });
    const rows = csv.split('\n').filter((row) => /^[01](,[01])+$/.test(row));
    const rises = (column: number) =>
      rows.filter((row, at) => row[column * 2] === '1' && rows[at - 1]?.[column * 2] === '0')
        .length;
    const count = (kind: string, signal: number) =>
      hi.pulses.filter((pulse) => pulse.kind === kind && pulse.signal === signal).length;
    assert.deepEqual([0, 1, 2, 3].map(rises), [
      count('bit', 0),
      count('bit', 1),
      count('echo', 0),
      count('echo', 1),
    ]);
  });
});
