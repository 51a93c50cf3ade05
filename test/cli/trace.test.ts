import assert from 'node:assert/strict';
import { it } from 'node:test';
import { traceOf } from '../../src/cli/trace.ts';
import { type Bit, SignalCodec } from '../../src/codec/signal-codec.ts';
import { messagesFrame } from '../../src/link/messages.ts';
import { bytes } from '../codec/vectors.ts';

const FRAME = bytes(0x80, 0x81, 0xff, 0xff, 0xff, 0xff, 0x81, 0x68, 0x20, 0x80, 0);
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

it('traceOf begins with what became of the bytes', () => {
  const firstOf = (bodies: readonly string[], brotli: boolean) => {
    const entries = bodies.map((body) => ({ fields: {}, body: Buffer.from(body) }));
    const frame = messagesFrame(0, { fields: {}, entries }, { brotli });
    const line = traceOf({ frame, echoes: [] }).split('\n')[0] ?? '';
    assert.ok(line.endsWith(`; ${frame.length} bytes on the wire`), line);
    return line.split(';')[0] ?? '';
  };
  const many = Array.from({ length: 64 }, (_, n) => `line ${n} ${'of many '.repeat(10)}`);
  const bytes = many.join('').length;
  assert.equal(firstOf(['hi'], true), '1 message of 2 bytes');
  assert.equal(firstOf(['x'], true), '1 message of 1 byte');
  assert.equal(firstOf(many, false), `64 messages of ${bytes} bytes`);
  assert.match(firstOf(many, true), new RegExp(`^64 messages of ${bytes} bytes, packed to \\d+$`));
  assert.match(firstOf(['z'.repeat(1000)], true), /^1 message of 1000 bytes, packed to \d\d$/);
});

it('traceOf tells fields from the body, also where zeros are stuffed', () => {
  const namesIn = (body: string) => {
    const content = { fields: { queue: 'q' }, entries: [{ fields: {}, body: Buffer.from(body) }] };
    const frame = messagesFrame(0, content, { brotli: false });
    const lines = traceOf({ frame, echoes: [] })
      .split('\n')
      .slice(2 + 7, -1);
    return lines.map((line) => line.split(/ {2,}/)[0]);
  };
  const fields = Array(4).fill('fields'); // a length; tag, length and value of the queue
  assert.deepEqual(namesIn('h'), [...fields, '"h"', 'end']);
  assert.deepEqual(namesIn('h\0'), ['fields', ...fields, '"h"', 'byte', 'end']);
});
