import assert from 'node:assert/strict';
import { it } from 'node:test';
import { traceOf } from '../../src/cli/trace.ts';
import { type Bit, SignalCodec } from '../../src/codec/signal-codec.ts';
import { bytes } from '../codec/vectors.ts';

const FRAME = bytes(0x82, 0x81, 0xff, 0xff, 0xff, 0xff, 0x81, 0x68, 0x20, 0x80, 0);
const echoes = [...SignalCodec.bits(FRAME)];

it('traceOf shows each byte by its name, its bits low first, and that they came back', () => {
  const lines = traceOf({ frame: FRAME, echoes }).split('\n');
  assert.equal(lines.length, FRAME.length + 2);
  assert.deepEqual(
    lines.slice(1, -1).map((line) => line.split(/ {2,}/)[0]),
    ['flags', 'number', ...Array(5).fill('check'), '"h"', 'byte', 'byte', 'end'],
  );
  assert.equal(
    lines[8],
    '"h"       0x68  0 0 0 1 0 1 1 0  USR1 USR1 USR1 USR2 USR1 USR2 USR2 USR1  ========',
  );
  const columns = ['0x', '0 ', 'USR', '=='].map((text) => lines[8]?.indexOf(text));
  assert.deepEqual(
    columns,
    ['hex', 'bits', 'signals', 'echo'].map((text) => lines[0]?.indexOf(text)),
  );
});

it('traceOf marks the bit that came back wrong, and those that did not', () => {
  const broken: Bit[] = [...echoes.slice(0, 3), echoes[3] === 0 ? 1 : 0];
  const [, first, second] = traceOf({ frame: FRAME, echoes: broken }).split('\n');
  assert.match(first ?? '', / ===!\.{4}$/);
  assert.match(second ?? '', / \.{8}$/);
});
