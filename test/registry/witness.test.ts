/** What is written down of lines that do not say for whom they stand. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  pruneConsumers,
  registerConsumer,
  unregisterConsumer,
} from '../../src/registry/consumers-edit.ts';
import { parseConsumers } from '../../src/registry/consumers-file.ts';
import { linuxProcessTable, portableProcessTable } from '../../src/registry/process-table.ts';
import { isGone } from '../../src/registry/vet.ts';
import { seenIn, vetLine, witnessed } from '../../src/registry/witness.ts';
import { catcher, gonePid, tempDir } from './children.ts';
import { fakeTable, SELF } from './fake-table.ts';

const NOW = Date.now();
/** After a process of the fake table has started. */
const table = fakeTable({ pid: 77 }, { pid: 78, start: 600 }, { pid: 79, state: 'Z' }, { pid: 1 });
const write = (text: string, writtenMs = NOW) =>
  witnessed(parseConsumers(text, writtenMs), table).map(({ raw }) => raw);

describe('witnessed', () => {
  it('writes the start time behind a PID, and leaves all else as it is', () => {
    for (const [line, expected] of [
      ['77', '77 start=500'],
      ['77 a=b  c \xff', '77 start=500 a=b  c \xff'],
      ['77\tx', '77 start=500\tx'],
      ['77\r', '77 start=500\r'],
      ['77 queues=a peer=plain', '77 start=500 queues=a peer=plain'],
      [`${SELF}`, `${SELF} start=500`],
      ['78 start=junk', '78 start=600 start=junk'],
      ['78 start=0', '78 start=600 start=0'],
    ] as const) {
      assert.deepEqual(write(line), [expected]);
    }
  });

  it('leaves what says so itself, is no PID, or is PID 1', () => {
    for (const line of ['77 start=499', '77 before=400', 'junk', '', '#77', '1', '0', '077'])
      assert.deepEqual(write(line), line === '' ? [] : [line]);
  });

  it('writes of one that started later, or is not there, that it is not meant', () => {
    assert.deepEqual(write('77 x', 1.5), ['77 before=500 x']);
    for (const line of write('79\n80')) assert.match(line, /^(79|80) before=[1-9][0-9]+$/);
  });

  it('writes nothing where nothing can be known', () => {
    const lines = parseConsumers('77\n1\n', NOW);
    assert.deepEqual(witnessed(lines, portableProcessTable), lines);
  });

  it('goes by what was seen before, unless a line is a new one', () => {
    const seen = seenIn(parseConsumers('77 start=400\n78 before=600 start=x\nx', NOW));
    const again = (text: string) =>
      witnessed(parseConsumers(text, NOW), table, seen).map(({ raw }) => raw);
    assert.deepEqual(again('77\n78'), ['77 start=400', '78 before=600']);
    assert.deepEqual(again('77 start=400\n77'), ['77 start=400', '77 start=500']);
  });

  it('adds one mark at most to any line, and none to its own result', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const line of [`77 ${text.replaceAll('\n', '')}`, text]) {
        const once = write(line);
        // Each line with its end, as in the file: an empty one is a line, too.
        assert.deepEqual(once, write(once.map((raw) => `${raw}\n`).join('')));
        const back = once.map((raw) => raw.replace(/^(\d+) (?:start|before)=\d+/, '$1'));
        const before = parseConsumers(line, NOW).map(({ raw }) => raw);
        assert.deepEqual(
          back.map((raw) => raw.length),
          before.map((raw) => raw.replace(/^(\d+) (?:start|before)=\d+/, '$1').length),
        );
      }
    });
    fc.assert(property, { examples: [['\n'], ['\n\n77']] });
  });
});

describe('an edit of consumers.txt', () => {
  /** Each makes the file young, so each has to say what it saw. */
  const edits: Record<string, (dir: string) => Promise<unknown>> = {
    registers: (dir) => registerConsumer(dir, 90, { start: 1 }, linuxProcessTable),
    unregisters: (dir) => unregisterConsumer(dir, 91, undefined, linuxProcessTable),
    tidies: (dir) => pruneConsumers(dir, () => false, linuxProcessTable),
  };
  for (const [name, edit] of Object.entries(edits)) {
    it(`that ${name} brings nobody to life`, async (t) => {
      const dir = tempDir(t);
      const file = join(dir, 'consumers.txt');
      const [reused, gone] = [(await catcher(t)).pid, await gonePid(t)];
      writeFileSync(file, `${reused} x=1\n${gone}\n91\n`);
      utimesSync(file, 1e9, 1e9);
      await edit(dir);
      const peer = await catcher(t);
      appendFileSync(file, `${peer.pid}\n`);
      const lines = parseConsumers(readFileSync(file, 'latin1'), Date.now());
      const results = Object.fromEntries(
        lines.map((line) => {
          const vetted = vetLine(line, linuxProcessTable);
          return [line.pid, vetted.ok ? vetted.kind : isGone(vetted) ? 'gone' : vetted.why];
        }),
      );
      assert.equal(results[reused], 'younger');
      assert.equal(results[gone], 'gone');
      assert.equal(results[peer.pid], 'plain');
      assert.match(lines[0]?.raw ?? '', new RegExp(`^${reused} before=\\d+ x=1$`));
    });
  }

  it('says nothing new the second time', async (t) => {
    const dir = tempDir(t);
    const file = join(dir, 'consumers.txt');
    writeFileSync(file, `${(await catcher(t)).pid}\njunk\n1\n`);
    await pruneConsumers(dir, () => false, linuxProcessTable);
    const text = readFileSync(file, 'latin1');
    assert.match(text, /^\d+ start=\d+\njunk\n1\n$/);
    await pruneConsumers(dir, () => false, linuxProcessTable);
    assert.equal(readFileSync(file, 'latin1'), text);
  });
});
