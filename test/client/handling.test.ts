import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Handling } from '../../src/client/handling.ts';
import { DeliveredMessage, type Message } from '../../src/client/message.ts';
import type { Handler } from '../../src/client/options.ts';

/** Messages whose handler goes on when it is told to. */
function given(jobs: number, handler?: Handler) {
  const begun: string[] = [];
  const settled: string[] = [];
  const errors: string[] = [];
  const kept: Promise<unknown>[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const waits: Handler = (message) =>
    new Promise<void>((resolve, reject) => {
      ends.set(message.text(), (error) => (error ? reject(error) : resolve()));
    });
  const handling = new Handling({
    handler: (message) => {
      begun.push(message.text());
      return (handler ?? waits)(message);
    },
    jobs,
    keep: (work) => void kept.push(work),
    onError: (error) => errors.push((error as Error).message),
  });
  handling.start();
  const take = (...texts: string[]) => {
    for (const [n, text] of texts.entries()) {
      const content = { body: Buffer.from(text), id: n, queue: 'q', attempt: 1, releases: 0 };
      const tell = async (verb: string, { reason }: { reason?: string | undefined } = {}) => {
        settled.push([text, verb, ...(reason === undefined ? [] : [reason])].join(' '));
        return true;
      };
      handling.take(new DeliveredMessage({ ...content, headers: [], isAsked: false }, tell));
    }
  };
  const end = async (text: string, error?: Error) => {
    (ends.get(text) ?? assert.fail(`${text} has not begun`))(error);
    await turn();
  };
  return { handling, begun, settled, errors, kept, take, end };
}

describe('Handling', () => {
  it('works on so many at once, in order, and keeps the others', async () => {
    const { begun, settled, take, end } = given(2);
    take('a', 'b', 'c', 'd', 'e');
    assert.deepEqual(begun, ['a', 'b']);
    await end('b');
    assert.deepEqual([begun, settled], [['a', 'b', 'c'], ['b d']]);
    await end('a');
    await end('c');
    assert.deepEqual(begun, ['a', 'b', 'c', 'd', 'e']);
    take('f');
    assert.equal(begun.length, 5);
    await end('e');
    assert.deepEqual(begun.at(-1), 'f');
  });

  it('gives back what comes after its end', async () => {
    const { handling, begun, settled, take } = given(2);
    handling.end();
    take('a');
    assert.deepEqual([begun, settled], [[], ['a b']]);
  });

  it('takes all that waits with a handler that is done at once', async () => {
    let isFirst = true;
    const { begun, settled, take } = given(1, () => {
      if (!isFirst) return undefined;
      isFirst = false;
      return turn();
    });
    take('a', 'b', 'c');
    assert.deepEqual(begun, ['a']);
    await turn();
    await turn();
    assert.deepEqual(
      [begun, settled],
      [
        ['a', 'b', 'c'],
        ['a d', 'b d', 'c d'],
      ],
    );
  });

  it('takes the next also when a handler throws or rejects', async () => {
    const { begun, settled, errors, take, end } = given(1);
    take('a', 'b');
    await end('a', new Error('broken'));
    assert.deepEqual([begun, settled, errors], [['a', 'b'], ['a f Error: broken'], ['broken']]);
    const thrower = given(1, (message) => {
      if (message.text() !== 'z') throw new Error(message.text());
    });
    thrower.take('x', 'y', 'z');
    assert.deepEqual(thrower.settled, ['x f Error: x', 'y f Error: y', 'z d']);
    assert.deepEqual(thrower.errors, ['x', 'y']);
  });

  it('settles nothing twice that the handler has settled, of this message or of another', async () => {
    let other: Message | undefined;
    const { settled, take, end } = given(2, (message) => {
      if (message.text() === 'a') {
        other = message;
        return turn().then(turn);
      }
      void other?.reject();
      return message.fail();
    });
    take('a', 'b');
    await turn();
    await turn();
    await turn();
    assert.deepEqual(settled, ['a x', 'b f']);
    assert.ok(end);
  });

  it('gives back what waits when it ends, and what comes later and would wait', async () => {
    const { handling, begun, settled, take, end } = given(1);
    take('a', 'b', 'c');
    handling.end();
    assert.deepEqual([begun, settled], [['a'], ['b b', 'c b']]);
    take('d');
    assert.deepEqual([begun, settled.at(-1)], [['a'], 'd b']);
    await end('a');
    assert.deepEqual([begun, settled.at(-1)], [['a'], 'a d']);
  });

  it('keeps the work until it ends', async () => {
    const { kept, take, end } = given(1);
    take('a', 'b');
    let isOver = false;
    void Promise.all(kept).then(() => {
      isOver = true;
    });
    await turn();
    assert.deepEqual([kept.length, isOver], [1, false]);
    await end('a');
    assert.deepEqual([kept.length, isOver], [2, true]);
  });
});
