import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import chalk from 'chalk';
import { HeardLog } from '../../../src/cli/listen/heard-log.ts';
import { LiveView } from '../../../src/cli/listen/live-view.ts';
import { columnsOf } from '../../../src/cli/screen/cells.ts';
import { type PlainCoding, USUAL_CODING, weightOf } from '../../../src/codec/plain-coding.ts';
import type { Heard } from '../../../src/link/hearing.ts';
import { utf8 } from '../../codec/vectors.ts';

chalk.level = 0;

const SIZE = { columns: 80, rows: 24 };
const TALL = { columns: 200, rows: 60 };

/** The signals of a byte, from its first bit on; `more` for the first one. */
function signalsOf(
  byte: number,
  coding: PlainCoding = USUAL_CODING,
  more: Partial<Heard> = {},
): Heard[] {
  let sum = 0;
  return Array.from({ length: 8 }, (_, position): Heard => {
    const weight = byte & weightOf(position, coding);
    sum |= weight;
    const value = weight > 0 ? 1 : 0;
    return {
      at: position,
      kind: 'bit',
      isSent: false,
      bit: coding.one === 'usr2' ? value : value === 1 ? 0 : 1,
      pid: 4242,
      program: 'bash',
      peer: 'plain',
      source: 1,
      ...{ position, weight, byte: sum, isEnd: position === 7 && sum === 0 },
      ...(position === 0 ? more : {}),
    };
  });
}

function given(coding: PlainCoding = USUAL_CODING) {
  const log = new HeardLog();
  const view = new LiveView(77, coding, log);
  return { log, view, text: (size = SIZE) => view.draw(size).join('\n') };
}

describe('the picture of what is heard', () => {
  it('shows the register filling: position, weight, signal, bit and running sum', () => {
    const { log, text } = given();
    assert.match(
      text(),
      /PID 77 .*live.*\n.*--pid 77 hello.*kill -USR1 77\n\n Nothing has come yet/,
    );
    for (const heard of signalsOf(0x68).slice(0, 6)) log.add(heard);
    const lines = text().split('\n');
    assert.deepEqual(
      lines.slice(3, 10).map((line) => line.trimEnd()),
      [
        ' from 4242 bash, a plain peer',
        ' bit number      0     1     2     3     4     5     6     7',
        ' weight          1     2     4     8    16    32    64   128',
        ' signal       USR1  USR1  USR1  USR2  USR1  USR2     ·     ·',
        ' bit             0     0     0     1     0     1     ·     ·',
        ' sum             0     0     0     8     8    40     ·     ·',
        ' byte         00101000  6 of 8 bits, 40 so far',
      ],
    );
  });

  it('shows the byte, its character, and the message so far', () => {
    const { log, text } = given();
    for (const byte of utf8('hé')) for (const heard of signalsOf(byte)) log.add(heard);
    for (const heard of signalsOf(0x68)) log.add(heard);
    assert.match(text(), /byte +01101000 +0x68 +104 +'h'\n message +"hé" so far/);
    for (const heard of signalsOf(0)) log.add(heard);
    log.addMessage({ pid: 4242, program: 'bash', peer: 'plain', body: utf8('héh\u001b[2J') });
    assert.match(text(), /4242 bash {2}héh\\x1b\[2J/);
  });

  it('shows the other order and the other signal', () => {
    const coding = { order: 'msb', one: 'usr1' } as const;
    const { log, text } = given(coding);
    for (const heard of signalsOf(0x68, coding).slice(0, 3)) log.add(heard);
    assert.match(text(), /MSB first, SIGUSR1 is 1/);
    assert.match(
      text(),
      /bit number +7 +6 +5 .*\n weight +128 +64 +32 .*\n signal +USR2 +USR1 +USR1 +·/,
    );
    assert.match(text(), /sum +0 +64 +96 +·/);
  });

  it('marks what is foreign, and what was lost', () => {
    const { log, text } = given();
    for (const heard of signalsOf(0x68, USUAL_CODING, { lost: 3 }).slice(0, 1)) log.add(heard);
    assert.match(text(), /LOST: 3 bits/);
    for (const heard of signalsOf(0x69).slice(0, 1))
      log.add({ ...heard, source: 2, pid: 9, isForeign: true });
    assert.match(text(), /from 9 bash.*FOREIGN/);
    assert.match(text(TALL), /2 signals, 1 foreign, 3 lost/);
  });

  it('fits into any terminal', () => {
    const { log, view } = given();
    for (const byte of utf8('hello 信号')) for (const heard of signalsOf(byte)) log.add(heard);
    log.addMessage({
      pid: 4242,
      program: 'bash',
      peer: 'plain',
      body: utf8('hello 信号'.repeat(50)),
    });
    for (const rows of [1, 5, 24, 60]) {
      for (const columns of [1, 20, 80, 200]) {
        const lines = view.draw({ columns, rows });
        assert.ok(lines.length <= rows);
        for (const line of lines) assert.ok(columnsOf(line) <= columns, line);
      }
    }
    assert.match(view.draw(TALL).join('\n'), /weight +sum\n/, 'with the last signals');
  });

  it('freezes, steps, and repeats slowly what was recorded', () => {
    const { log, view, text } = given();
    for (const byte of [0x68, 0]) for (const heard of signalsOf(byte)) log.add(heard);
    for (const heard of signalsOf(0x69)) log.add(heard);
    text();
    view.onKey('space');
    for (const heard of signalsOf(0x70)) log.add(heard);
    assert.match(text(), /frozen[\s\S]*'i'/);
    view.onKey('left');
    assert.match(text(), /7 of 8 bits, 105 so far/);
    view.onKey('right');
    view.onKey('space');
    assert.match(text(), /live[\s\S]*'p'/);
    view.onKey('s');
    assert.match(text(), /slow motion[\s\S]*1 of 8 bits/, 'from the first bit of the message');
    const seen = [];
    while (view.isSlow) {
      view.step();
      seen.push(/(\d+) of 8 bits|'(.)'/.exec(text())?.[0]);
    }
    assert.deepEqual(seen.slice(-1), ["'p'"]);
    assert.equal(seen.length, 15);
  });

  it('keeps what fits into its memory', () => {
    const { log, text } = given();
    for (let n = 0; n < 20_000; n++) for (const heard of signalsOf(0x68)) log.add(heard);
    assert.equal(log.count, 160_000);
    assert.equal(log.get(0), undefined);
    assert.match(text(), /'h'/);
    const body = new Uint8Array(1 << 20);
    for (let n = 0; n < 20; n++)
      log.addMessage({ pid: 4242, program: 'bash', peer: 'plain', body });
    assert.deepEqual([log.messages.length, log.messageCount], [16, 20]);
  });
});
