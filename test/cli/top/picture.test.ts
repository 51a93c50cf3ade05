import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import chalk from 'chalk';
import fc from 'fast-check';
import { columnsOf } from '../../../src/cli/screen/cells.ts';
import { listsOf } from '../../../src/cli/top/lists.ts';
import { picture } from '../../../src/cli/top/picture.ts';
import { plainText } from '../../../src/cli/top/plain-text.ts';
import { FIRST, onKey, type State } from '../../../src/cli/top/state.ts';
import { consumer, queue, snapshot } from './fakes.ts';

const SMALL = { columns: 80, rows: 24 };

function colours(t: TestContext, level: 0 | 1): void {
  const before = chalk.level;
  chalk.level = level;
  t.after(() => {
    chalk.level = before;
  });
}

const drawn = (of = snapshot(), state = FIRST, size = SMALL) =>
  picture(of, state, size, 'unicode').map((line) => line.trimEnd());

function pressed(keys: readonly string[], of = snapshot()): State {
  let state = FIRST;
  for (const key of keys) [state] = onKey(state, key, listsOf(of, state));
  return state;
}

describe('picture', () => {
  it('tells no queues from none that fit', (t) => {
    colours(t, 0);
    const text = drawn(snapshot(), { ...FIRST, filter: 'zzz' }).join('\n');
    assert.equal(text.match(/none contains what is looked for/g)?.length, 2);
    assert.doesNotMatch(text, /no queues|no consumers/);
  });

  it('shows everything in 80 columns and 24 rows', (t) => {
    colours(t, 0);
    const lines = drawn();
    assert.deepEqual(lines, [
      'sigmq  broker 12, up 1h 2m  /run/sigmq',
      'messages  in 12/s  done 4/s         ▁▃▅█  failed 0.3/s',
      '          1.2k ready, 0 delayed, 3 held, 2 dead',
      'bus       12.3k bits/s           ▅█  held 34 %, most by the broker (12)',
      '          2 waiting for it',
      '  ▼QUEUE           READY DELAYED    HELD    DEAD    IN/s  DONE/s  FAIL/s',
      '> audit (paused)       0       0       0       0       0       0       0',
      '  mail              1.2k       0       3       2      12       4     0.3    ▁▃▅█',
      '',
      '  ▼PID     QUEUES        HOLDS MESSAGE           SINCE COMMAND',
      '  71       mail              2 9                  1m5s ./work',
      '  72       default           0 -                     - (stopped) sigmq consume',
      ...Array(11).fill(''),
      'q quit  ? keys  tab next  s sort  / find  p pause  r resume  k kick  enter peek',
    ]);
  });

  it('says what is chosen without colours, too', (t) => {
    colours(t, 0);
    assert.match(drawn(snapshot(), pressed(['down'])).join('\n'), /^> mail /m);
    assert.match(drawn(snapshot(), pressed(['tab', 'down'])).join('\n'), /^> 72 /m);
    colours(t, 1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is one
    assert.match(drawn().join('\n'), /\x1b\[7m> audit/);
  });

  it('has as many lines as there are rows, none too long, whatever the size, and the keys last', () => {
    const many = snapshot({
      queues: Array.from({ length: 50 }, (_, n) => queue(`queue-${n}`, { paused: n % 2 === 0 })),
      consumers: Array.from({ length: 50 }, (_, n) => consumer(n + 1)),
    });
    const anyKeys = fc.array(
      fc.constantFrom('down', 'pagedown', 'end', 'up', 'tab', 's', 'S', '/', '4', '?', 'escape'),
    );
    const property = fc.property(
      fc.integer({ min: 1, max: 250 }),
      fc.integer({ min: 6, max: 80 }),
      anyKeys,
      fc.boolean(),
      (columns, rows, keys, isMany) => {
        const of = isMany ? many : snapshot();
        const lines = picture(of, pressed(keys, of), { columns, rows }, 'ascii');
        assert.equal(lines.length, rows);
        for (const line of lines) assert.ok(columnsOf(line) <= columns, line);
      },
    );
    fc.assert(property);
  });

  it('keeps what is chosen in sight', (t) => {
    colours(t, 0);
    const queues = Array.from({ length: 100 }, (_, n) => queue(`q${String(n).padStart(2, '0')}`));
    const of = snapshot({ queues });
    for (let n = 0; n < 100; n++) {
      const state = { ...FIRST, chosen: { ...FIRST.chosen, queues: { key: `q${n}`, at: n } } };
      const lines = drawn(of, state).filter((line) => line.startsWith('> '));
      assert.equal(lines.length, 1);
      if (n >= 10) assert.match(lines[0] ?? '', new RegExp(`q${n} `));
    }
    const text = drawn(of).join('\n');
    assert.match(text, /71 .*\n.*72 /, 'the consumers keep their room');
  });

  it('uses the room of a large terminal for names and histories', (t) => {
    colours(t, 0);
    const name = 'a-rather-long-name-for-a-queue-of-a-program';
    const history = Array.from({ length: 60 }, (_, n) => n);
    const of = snapshot({ queues: [queue(name, { history })] });
    const text = drawn(of, FIRST, { columns: 200, rows: 60 }).join('\n');
    assert.match(text, new RegExp(`> ${name} .*▁.*█$`, 'm'));
  });

  it('shows a page, a question, a filter, a notice, a trouble', (t) => {
    colours(t, 0);
    assert.match(drawn(snapshot(), pressed(['?'])).join('\n'), /^Keys\nup, down,/m);
    const last = (state: State, more = {}) => drawn(snapshot(more), state).at(-1);
    assert.equal(last(pressed(['down', 'k'])), 'Make the dead messages of mail ready again? y/n');
    assert.match(last(pressed(['/', 'm', 'a'])) ?? '', /^show only: ma_ /);
    assert.match(last(pressed(['/', 'm', 'enter'])) ?? '', /^only: m /);
    assert.equal(last(pressed(['k'])), 'audit has no dead messages.');
    assert.equal(last(FIRST, { trouble: 'No broker.\x1b[2J' }), 'No broker.\\x1b[2J');
    assert.match(drawn(snapshot({ pid: undefined }))[0] ?? '', /no broker/);
  });

  it('says what there is nothing of', (t) => {
    colours(t, 0);
    const text = drawn(snapshot({ queues: [], consumers: [], bits: undefined })).join('\n');
    assert.match(text, /no queues yet/);
    assert.match(text, /no consumers/);
    assert.match(text, /bus +none: the broker serves only plain peers/);
    assert.match(text, /in -\/s/);
  });

  it('lets no command line draw on the terminal', (t) => {
    colours(t, 0);
    const evil = consumer(5, { command: 'x\x1b[2J\n\ty' });
    const text = drawn(snapshot({ consumers: [evil] }), FIRST, { columns: 120, rows: 24 });
    assert.match(text.join('\n'), /x\\x1b\[2J\\n\\ty$/m);
  });

  it('shows everything, and nothing as chosen, where there are no rows to fill', (t) => {
    colours(t, 0);
    const queues = Array.from({ length: 100 }, (_, n) => queue(`q${n}`));
    const lines = drawn(snapshot({ queues }), FIRST, {
      columns: 80,
      rows: Number.POSITIVE_INFINITY,
    });
    assert.equal(lines.filter((line) => /^ {2}q\d/.test(line)).length, 100);
    assert.ok(!lines.some((line) => line.startsWith('>')));
    assert.match(lines.at(-1) ?? '', /^ {2}72 /);
  });
});

describe('plainText', () => {
  it('says it in sentences, and nothing of what is nought', () => {
    assert.equal(
      plainText(snapshot()),
      [
        'Broker 12, up 1h 2m, in /run/sigmq',
        '2 queues, 2 consumers: 1200 ready, 3 held, 2 dead; 12 in, 4 done, 0.3 failed per second',
        'Bus: 12.3k bits per second, held 34 percent of the time, most by the broker (12), 2 waiting for it',
        'Queue audit, paused: empty; nothing moves',
        'Queue mail: 1200 ready, 3 held, 2 dead; 12 in, 4 done, 0.3 failed per second',
        'Consumer 71 of mail: message 9 of mail for 1m 5s, and 1 more; ./work',
        'Consumer 72 of default, stopped: idle; sigmq consume',
        '',
      ].join('\n'),
    );
  });

  it('says what is wrong, and what is not known', () => {
    const text = plainText(
      snapshot({
        ...{ pid: undefined, trouble: 'No broker is running.', bits: undefined },
        ...{ queues: [queue('q')], consumers: [consumer(5, { command: 'a\n\x1bb' })] },
      }),
    );
    assert.match(
      text,
      /^No broker, in \/run\/sigmq\nNo broker is running\.\n1 queue, 1 consumer: /,
    );
    assert.match(text, /^Queue q: empty; rates not known yet$/m);
    assert.match(text, /; a\\n\\x1bb$/m);
  });
});
