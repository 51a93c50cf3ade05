/** What the library refuses at its door, before it touches a signal or a file. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { parseCount, parseDuration, parseQueue } from '../../src/cli/values.ts';
import { groupsOf } from '../../src/client/groups.ts';
import { checkSelected, checkSend } from '../../src/client/options.ts';
import {
  Broker,
  Consumer,
  type ErrorCode,
  Inspector,
  Producer,
  SigmqError,
} from '../../src/index.ts';
import { tempDir } from '../registry/children.ts';

const SIZE = { bytes: 1000, messages: 10 };

const names = (count: number) => Array.from({ length: count }, (_, n) => `q${n}`);

/** A call with a value that cannot be used, the code, and how the sentence begins. */
type Case = readonly [options: unknown, code: ErrorCode, sentence: RegExp];

/** None of them gets as far as the directory, which would be made. */
async function refuses(
  t: TestContext,
  cases: readonly Case[],
  open: (options: never) => unknown,
  exitCode = 64,
) {
  for (const [options, code, message] of cases) {
    const given =
      typeof options === 'object' && options !== null && !Array.isArray(options)
        ? { dir: tempDir(t), ...options }
        : options;
    await assert.rejects(async () => open(given as never), { code, message, exitCode });
  }
}

const DIRECTORIES: readonly Case[] = [
  [{ dir: '' }, 'empty-dir', /^The name of the runtime directory is empty\.$/],
  [{ dir: 5 }, 'bad-option', /^dir: 5 is not the name of a directory\.$/],
  [{ dir: 'a\0b' }, 'bad-option', /^dir: "a\\u0000b" is not the name of a directory\.$/],
  [{ dir: null }, 'bad-option', /^dir: null is not/],
  ['/tmp/demo', 'bad-option', /^"\/tmp\/demo" is not an object with options\.$/],
  [null, 'bad-option', /^null is not an object/],
  [[], 'bad-option', /^\[\] is not an object/],
];

describe('Consumer.open', () => {
  it('refuses options that make no sense', async (t) => {
    const cases: readonly Case[] = [
      ...DIRECTORIES,
      [{ jobs: -3 }, 'bad-number', /^jobs: -3 is not a whole number from 1 to 1000\.$/],
      ...[0, 1.5, 1001, Number.NaN, '4', null, 4n].map(
        (jobs): Case => [{ jobs }, 'bad-number', /^jobs: .* is not a whole number/],
      ),
      [{ ackWaitMs: Number.NaN }, 'bad-duration', /^ackWaitMs: NaN is not a duration\.$/],
      [{ ackWaitMs: -1 }, 'bad-duration', /^ackWaitMs: -1 is not a duration\.$/],
      [{ ackWaitMs: '5s' }, 'bad-duration', /^ackWaitMs: "5s" is not a duration\.$/],
      [{ ackWaitMs: 0 }, 'bad-duration', /^ackWaitMs: 0 is too short\.$/],
      [{ ackWaitMs: Number.POSITIVE_INFINITY }, 'bad-duration', /Infinity is too long\.$/],
      [{ ackWaitMs: 3_162_240_000_001 }, 'bad-duration', /is too long\.$/],
      [{ queues: ['a b'] }, 'bad-queue', /^queues: "a b" is not a queue name\.$/],
      [{ queues: ['a', 5] }, 'bad-queue', /^queues: 5 is not a queue name\.$/],
      [{ queues: 'mail' }, 'bad-queue', /^queues: "mail" is not a list of queue names\.$/],
      [{ queues: [] }, 'bad-queue', /^queues: \[\] is not a list of queue names\.$/],
      [{ queues: names(1001) }, 'too-many-queues', /^queues: 1001 queues are too many/],
      [{ onError: 'no' }, 'bad-option', /^onError: "no" is not a function\.$/],
      [{ handler: 'no' }, 'bad-option', /^handler: "no" is not a function\.$/],
      [{ handler: null }, 'bad-option', /^handler: null is not a function\.$/],
      [() => {}, 'bad-option', /^a function is not an object with options\.$/],
    ];
    await refuses(t, cases, (options) => Consumer.open(options));
  });
});

describe('Producer.open and Inspector.open', () => {
  it('refuse options that make no sense', async (t) => {
    await refuses(t, DIRECTORIES, (options) => Producer.open(options));
    await refuses(t, DIRECTORIES, (options) => Inspector.open(options));
    const cases: readonly Case[] = [
      [{ wait: 'yes' }, 'bad-option', /^wait: "yes" is not true or false\.$/],
      [{ signal: {} }, 'bad-option', /^signal: \{\} is not an AbortSignal\.$/],
    ];
    await refuses(t, cases, (options) => Producer.open(options));
    await refuses(t, cases, (options) => Inspector.open(options));
  });
});

describe('Broker.open', () => {
  it('refuses options that make no sense', async (t) => {
    const sqlite = (more: object) => ({ store: { kind: 'sqlite', folder: '/nowhere', ...more } });
    const cases: readonly Case[] = [
      ...DIRECTORIES,
      [{ maxMessageBytes: 0 }, 'bad-size', /^maxMessageBytes: 0 is not a size\.$/],
      [{ maxMessageBytes: 2 ** 26 }, 'bad-size', /^maxMessageBytes: 67108864 is not a size\.$/],
      [{ ackWaitMs: Number.NaN }, 'bad-duration', /^ackWaitMs: NaN is not a duration\.$/],
      [{ onEvent: {} }, 'bad-option', /^onEvent: \{\} is not a function\.$/],
      [{ signal: {} }, 'bad-option', /^signal: \{\} is not an AbortSignal\.$/],
      [
        { store: { kind: 'redis' } },
        'bad-option',
        /^store: kind: "redis" is not sqlite or memory or postgres/,
      ],
      [
        { store: {} },
        'bad-option',
        /^store: kind: undefined is not sqlite or memory or postgres\.$/,
      ],
      [{ store: 'memory' }, 'bad-option', /^store: "memory" is not an object with options\.$/],
      [{ store: { kind: 'sqlite' } }, 'bad-path', /^store: folder: undefined is not a path\.$/],
      [sqlite({ folder: '' }), 'bad-path', /^store: folder: "" is not a path\.$/],
      [sqlite({ fsync: 'often' }), 'bad-fsync', /^store: fsync: "often" does not say when/],
      [sqlite({ fsync: 0 }), 'bad-fsync', /^store: fsync: 0 does not say when/],
      [sqlite({ maxMessages: 0 }), 'bad-number', /^store: maxMessages: 0 is not a whole number/],
      [sqlite({ maxBytes: -1 }), 'bad-size', /^store: maxBytes: -1 is not a size\.$/],
      [sqlite({ maxAttempts: 0 }), 'bad-number', /^store: maxAttempts: 0 is not a whole number/],
      [sqlite({ backoffMs: -1 }), 'bad-duration', /^store: backoffMs: -1 is not a duration\.$/],
    ];
    await refuses(t, cases, (options) => Broker.open(options));
  });
});

describe('what is sent', () => {
  it('has options that make sense', async (t) => {
    const cases: readonly Case[] = [
      ['now', 'bad-option', /is not an object with options/],
      [{ queue: 'a b' }, 'bad-queue', /^queue: "a b" is not a queue name\.$/],
      [{ priority: -1 }, 'bad-number', /^priority: -1 is not a whole number from 0 to/],
      [{ delayMs: -1 }, 'bad-duration', /^delayMs: -1 is not a duration\.$/],
      [{ ttlMs: 0 }, 'bad-duration', /^ttlMs: 0 is too short\.$/],
      [{ delayMs: 5, ttlMs: 5 }, 'delay-over-ttl', /^The message would expire before its delay/],
      [{ timeoutMs: Number.NaN }, 'bad-duration', /^timeoutMs: NaN is not a duration\.$/],
      [{ signal: 5 }, 'bad-option', /^signal: 5 is not an AbortSignal\.$/],
      [{ headers: { k: 'v' } }, 'bad-option', /^headers: \{ k: 'v' \} is not a list of headers\.$/],
      [{ headers: ['k:v'] }, 'bad-header', /^headers: "k:v" is not a header\.$/],
      [{ headers: [['a b', 'v']] }, 'bad-header', /^headers: \[ 'a b', 'v' \] is not a header\.$/],
      [{ headers: [['k', 5]] }, 'bad-header', /is not a header/],
      [{ headers: [['k', 'a\0b']] }, 'bad-header', /is not a header/],
      [{ headers: [['k', '\ud800']] }, 'bad-header', /is not a header/],
      [{ onProgress: 5 }, 'bad-option', /^onProgress: 5 is not a function\.$/],
      [{ onConfirmed: 5 }, 'bad-option', /^onConfirmed: 5 is not a function\.$/],
    ];
    await refuses(t, cases, (options) => {
      const { dir: _dir, ...rest } = options as { dir?: string };
      return checkSend(typeof options === 'object' ? rest : options);
    });
    checkSend({ delayMs: 0, ttlMs: 1 });
    checkSend({ delayMs: 30 * 86_400_000, ttlMs: 60 * 86_400_000, headers: [] });
    checkSend({
      headers: [
        ['k', 'one'],
        ['k', 'two'],
        ['K', ''],
      ],
    });
  });

  it('has bodies', () => {
    const cases = [[{}], [undefined], [5], [[1, 2]], [new Uint16Array(1)], [new ArrayBuffer(1)]];
    for (const [body] of cases) {
      assert.throws(() => [...groupsOf([body as never], SIZE)], { code: 'bad-body', exitCode: 65 });
    }
    assert.throws(() => [...groupsOf(['half \ud83d'], SIZE)], { code: 'bad-body', exitCode: 65 });
    const sent = [...groupsOf(['a', Uint8Array.of(0), Buffer.from('b')], SIZE)];
    assert.deepEqual(
      sent.flat().map((body) => [...body]),
      [[97], [0], [98]],
    );
  });
});

describe('what is looked at', () => {
  it('is selected by values that make sense', async (t) => {
    const cases: readonly Case[] = [
      [
        { state: 'lost' },
        'bad-option',
        /^state: "lost" is not ready or delayed or reserved or dead/,
      ],
      [{ limit: -1 }, 'bad-number', /^limit: -1 is not a whole number/],
      ['dead', 'bad-option', /is not an object with options/],
    ];
    await refuses(t, cases, (options) => checkSelected('q', options));
    assert.throws(() => checkSelected('a b', {}), { message: 'queue: "a b" is not a queue name.' });
  });
});

describe('the sentences', () => {
  it('are those of the command line', async () => {
    const said = async (work: () => unknown) => {
      try {
        await work();
      } catch (error) {
        assert.ok(error instanceof SigmqError);
        return error.message;
      }
      return undefined;
    };
    const library = (options: object) => () => Consumer.open(options);
    const pairs = [
      [library({ queues: ['a b'] }), 'queues: ', () => parseQueue('a b')],
      [library({ ackWaitMs: 'soon' }), 'ackWaitMs: ', () => parseDuration('soon')],
      [library({ jobs: 'many' }), 'jobs: ', () => parseCount(1, 1000)('many')],
    ] as const;
    for (const [call, prefix, parse] of pairs) {
      assert.equal(await said(call), `${prefix}${await said(parse)}`);
    }
  });

  it('have codes that the compiler knows', () => {
    const known: ErrorCode[] = [
      'full',
      'bad-queue',
      'zero-byte',
      'peer-gone',
      'store-in-use',
      'no-broker',
    ];
    // @ts-expect-error it is none
    known.push('no-such-code');
    const error: unknown = new Error();
    if (error instanceof SigmqError) {
      // @ts-expect-error it is none
      assert.notEqual(error.code === 'no-such-code', true);
    }
  });
});
