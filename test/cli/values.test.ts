import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as values from '../../src/cli/values.ts';

const names = (count: number) => Array.from({ length: count }, (_, n) => n).join();

/** What each text is parsed to, or the code of the error. */
const cases: Record<string, [parse: (text: string) => unknown, Record<string, unknown>]> = {
  parseDuration: [
    values.parseDuration,
    {
      '500ms': 500,
      '2s': 2000,
      '1.5s': 1500,
      '5m': 300_000,
      '1h': 3_600_000,
      '1h30m': 5_400_000,
      '1m0s500ms': 60_500,
      '1w': 604_800_000,
      '1w2d': 777_600_000,
      '30d': 2_592_000_000,
      '2147483648ms': 2_147_483_648,
      '36600d': 3_162_240_000_000,
      '0.5ms': 1,
      '1.1h': 3_960_000,
      '36601d': 'bad-duration',
      '0s': 'bad-duration',
      '0h0m': 'bad-duration',
      '30m1h': 'bad-duration',
      '1h1h': 'bad-duration',
      '1h30': 'bad-duration',
      h: 'bad-duration',
      '-1s': 'bad-duration',
      '5': 'bad-duration',
      '': 'bad-duration',
      '5 s': 'bad-duration',
      '5s ': 'bad-duration',
      '1y': 'bad-duration',
      '1e3s': 'bad-duration',
    },
  ],
  parsePause: [values.parsePause, { '0s': 0, '5m': 300_000, '-1s': 'bad-duration' }],
  parseQueue: [
    values.parseQueue,
    {
      a: 'a',
      'A-b_c.9': 'A-b_c.9',
      '': 'bad-queue',
      'a b': 'bad-queue',
      'a,b': 'bad-queue',
      é: 'bad-queue',
    },
  ],
  parseQueueOrGroup: [
    values.parseQueueOrGroup,
    { a: 'a', 'a@b': 'a@b', 'a@': 'bad-queue', '@b': 'bad-queue', 'a@b@c': 'bad-queue' },
  ],
  parseGroup: [values.parseGroup, { b: 'b', 'a@b': 'bad-group', '': 'bad-group' }],
  parseChoices: [
    values.parseChoices,
    {
      'a:3,b': [{ name: 'a', weight: 3 }, 'b'],
      'a:1000': [{ name: 'a', weight: 1000 }],
      'a:1001': 'bad-weight',
      'a:0': 'bad-weight',
      'a:': 'bad-weight',
      'a:-1': 'bad-weight',
      'a:1:2': 'bad-weight',
      ':1': 'bad-queue',
      'a@b': 'bad-queue',
      a: ['a'],
      'a,b': ['a', 'b'],
      'a,': 'bad-queue',
      '': 'bad-queue',
      [names(1000)]: names(1000).split(','),
      [names(1001)]: 'too-many-queues',
      [`${names(1000)},1`]: `${names(1000)},1`.split(','),
    },
  ],
  'parseCount(1, 10)': [
    values.parseCount(1, 10),
    {
      '1': 1,
      '10': 10,
      '007': 7,
      '0': 'bad-number',
      '11': 'bad-number',
      '1.0': 'bad-number',
      '+1': 'bad-number',
      '1e1': 'bad-number',
      '': 'bad-number',
    },
  ],
  parseFsync: [
    values.parseFsync,
    { always: 'always', never: 'never', '100ms': 100, sometimes: 'bad-fsync', '0ms': 'bad-fsync' },
  ],
  parseHeader: [
    values.parseHeader,
    {
      'k:v': [['k', 'v']],
      'k:  v w \t': [['k', 'v w']],
      'k:': [['k', '']],
      'k:a:b': [['k', 'a:b']],
      'k:a\nb': [['k', 'a\nb']],
      k: 'bad-header',
      ':v': 'bad-header',
      'a b:v': 'bad-header',
      'ü:v': 'bad-header',
      'k:a\0b': 'bad-header',
      [`${'k'.repeat(129)}:v`]: 'bad-header',
    },
  ],
  parseSize: [
    values.parseSize,
    {
      '1': 1,
      '65536': 65_536,
      '64K': 65_536,
      '1m': 1_048_576,
      '32M': 33_554_432,
      '33M': 'bad-size',
      '1G': 'bad-size',
      '0': 'bad-size',
      '1.5K': 'bad-size',
      '1KB': 'bad-size',
      '-1': 'bad-size',
      K: 'bad-size',
    },
  ],
  parseStoreSize: [
    values.parseStoreSize,
    { '1G': 2 ** 30, '1024G': 2 ** 40, '1025G': 'bad-size', '9999999999999G': 'bad-size' },
  ],
};

for (const [name, [parse, texts]] of Object.entries(cases)) {
  describe(name, () => {
    for (const [text, result] of Object.entries(texts)) {
      const isError = typeof result === 'string' && /^(bad|too)-/.test(result);
      it(`makes ${JSON.stringify(result).slice(0, 40)} of ${JSON.stringify(text.slice(0, 40))}`, () => {
        if (isError) assert.throws(() => parse(text), { code: result, exitCode: 64 });
        else assert.deepEqual(parse(text), result);
      });
    }
  });
}
