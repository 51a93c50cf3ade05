import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { formatOf, type OutputFlags } from '../../src/cli/format.ts';
import { messageOf } from './fakes.ts';

const NOW = '2024-05-06T07:08:09.000Z';
const atNow = (t: TestContext) =>
  t.mock.timers.enable({ apis: ['Date'], now: new Date(NOW).getTime() });

const print = (flags: OutputFlags, message = messageOf('hi'), isTerminal = false) =>
  formatOf(flags, isTerminal)(message).toString();

describe('formatOf', () => {
  it('writes the body and a newline, the bytes as they are', () => {
    const body = Uint8Array.of(0xff, 0, 10, 27);
    assert.deepEqual(formatOf({}, false)(messageOf(body)), Buffer.from([0xff, 0, 10, 27, 10]));
    assert.equal(print({ raw: true }), 'hi');
    assert.equal(print({ null: true }), 'hi\0');
  });

  it('escapes for a terminal, and for nothing but the plain form', () => {
    const message = messageOf('\u001b[2J');
    assert.equal(print({}, message, true), '\\x1b[2J\n');
    assert.equal(print({ raw: true }, message, true), '\u001b[2J');
  });

  it('writes one line of JSON, base64 where it is not UTF-8', (t) => {
    atNow(t);
    const json = (message = messageOf('hi')) => {
      const line = print({ json: true }, message);
      assert.equal(line.indexOf('\n'), line.length - 1);
      return JSON.parse(line);
    };
    const usual = { id: 7, queue: 'q', attempt: 2, time: NOW };
    assert.deepEqual(json(), { ...usual, bytes: 2, body: 'hi' });
    assert.deepEqual(json(messageOf('\ufeffa\nb', { headers: [['k', 'v']] })), {
      ...{ ...usual, bytes: 6, headers: { k: 'v' }, body: '\ufeffa\nb' },
    });
    assert.deepEqual(json(messageOf(Uint8Array.of(0xff))), {
      ...{ ...usual, bytes: 1, body: '/w==', base64: true },
    });
    assert.equal('id' in json(messageOf('from a plain broker', { id: undefined })), false);
  });

  const formats: Record<string, string> = {
    '': '',
    '%p': 'hi',
    '%i %q %a %l': '7 q 2 2',
    '%t': NOW,
    '%h{Kind}|%h{none}|%h{}': 'first||',
    '%%p %%': '%p %',
    'a\\nb\\tc\\0d\\\\n': 'a\nb\tc\0d\\n',
    'größer 🐟 %p': 'größer 🐟 hi',
  };
  for (const [format, expected] of Object.entries(formats)) {
    it(`makes ${JSON.stringify(expected)} of ${JSON.stringify(format)}`, (t) => {
      atNow(t);
      const headers = [
        ['kind', 'first'],
        ['KIND', 'second'],
      ] as const;
      assert.equal(print({ format }, messageOf('hi', { headers })), expected);
    });
  }

  it('leaves the bytes of the body alone, and the id of a plain message out', () => {
    const message = messageOf(Uint8Array.of(0xff, 0), { id: undefined });
    assert.deepEqual(
      formatOf({ format: '%i<%p>' }, false)(message),
      Buffer.from('<\xff\0>', 'latin1'),
    );
  });

  for (const format of ['%x', '%', 'a%', '\\q', '\\', '%h', '%h{a', '%🐟']) {
    it(`refuses ${JSON.stringify(format)}`, () => {
      assert.throws(() => formatOf({ format }, false), { code: 'bad-format', exitCode: 64 });
    });
  }

  it('refuses two formats, also with an empty one', () => {
    const pairs: OutputFlags[] = [
      { json: true, raw: true },
      { format: '', null: true },
    ];
    for (const flags of pairs) {
      assert.throws(() => formatOf(flags, false), { code: 'two-formats', exitCode: 64 });
    }
  });
});
