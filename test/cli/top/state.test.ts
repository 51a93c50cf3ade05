import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listsOf } from '../../../src/cli/top/lists.ts';
import type { Snapshot } from '../../../src/cli/top/snapshot.ts';
import { type Action, FIRST, onKey, placeOf, type State } from '../../../src/cli/top/state.ts';
import { consumer, queue, snapshot } from './fakes.ts';

/** Presses keys, one after the other. */
function press(keys: readonly string[], of: Snapshot = snapshot(), from: State = FIRST) {
  let state = from;
  const actions: Action[] = [];
  for (const key of keys) {
    const [next, action] = onKey(state, key, listsOf(of, state));
    state = next;
    if (action) actions.push(action);
  }
  return { state, actions };
}

const MANY = snapshot({ queues: ['a', 'b', 'c', 'd'].map((name) => queue(name)) });

function chosenOf(state: State, of = MANY): string | undefined {
  const lists = listsOf(of, state);
  return lists.queues[placeOf(state, 'queues', lists)]?.queue;
}

describe('keys', () => {
  for (const [keys, expected] of [
    [[], 'a'],
    [['up'], 'a'],
    [['down'], 'b'],
    [['end'], 'd'],
    [['pagedown', 'up'], 'c'],
    [['end', 'home', 'down'], 'b'],
  ] as const) {
    it(`${keys.join(' ') || 'none'} choose ${expected}`, () => {
      assert.equal(chosenOf(press(keys, MANY).state), expected);
    });
  }

  it('choose a queue, not a place: it stays chosen when others come, and its neighbour when it goes', () => {
    const { state } = press(['down'], MANY);
    const names = (...all: string[]) => snapshot({ queues: all.map((name) => queue(name)) });
    assert.equal(chosenOf(state, names('A', 'a', 'b', 'c')), 'b');
    assert.equal(chosenOf(state, names('a', 'c')), 'c');
    assert.equal(chosenOf(state, names('a')), 'a');
    assert.equal(chosenOf(state, names()), undefined);
  });

  it('p and r pause and resume the chosen queue', () => {
    assert.deepEqual(press(['down', 'p', 'r'], MANY).actions, [
      { kind: 'pause', queue: 'b', paused: true },
      { kind: 'pause', queue: 'b', paused: false },
    ]);
  });

  it('k asks first, kicks the queue that it asked about, and only after y', () => {
    // By name: audit, mail.
    const asked = press(['down', 'k']).state;
    assert.equal(asked.asks, 'kick');
    assert.deepEqual(press(['y'], snapshot(), asked).actions, [{ kind: 'kick', queue: 'mail' }]);
    for (const key of ['n', 'enter', 'escape', 'q']) {
      const { actions, state } = press([key], snapshot(), asked);
      assert.deepEqual([actions, state.asks, state.notice], [[], undefined, 'Nothing was kicked.']);
    }
    const gone = snapshot({ queues: [queue('audit', { dead: 5 })] });
    assert.deepEqual(press(['y'], gone, asked).actions, []);
  });

  it('k has nothing to ask about a queue without dead messages', () => {
    const { state, actions } = press(['k']);
    assert.deepEqual([state.asks, state.notice], [undefined, 'audit has no dead messages.']);
    assert.deepEqual(actions, []);
  });

  it('p, r and k are for queues', () => {
    for (const key of ['p', 'r', 'k']) {
      const { state, actions } = press(['tab', key]);
      assert.deepEqual([actions, state.notice], [[], 'Choose a queue first.']);
    }
  });

  it('enter looks into a queue, or at a consumer', () => {
    assert.deepEqual(press(['enter']).actions, [{ kind: 'peek', queue: 'audit' }]);
    assert.deepEqual(press(['tab', 'enter']).actions, [{ kind: 'show', pid: 71, id: 9 }]);
    const none = snapshot({ queues: [], consumers: [] });
    assert.deepEqual(press(['enter', 'tab', 'enter', 'p', 'k'], none).actions, []);
  });

  it('/ types a filter, which is part of a name', () => {
    const { state, actions } = press(['/', 'q', 'x', 'backspace', 'enter'], MANY);
    assert.deepEqual([state.filter, state.asks, actions], ['q', undefined, []]);
    assert.equal(press(['/', 'a', 'space', 'up', 'é']).state.filter, 'a é');
    assert.equal(press(['/', 'a', 'escape']).state.filter, '');
    assert.equal(press(['/', 'a', 'enter', 'escape']).state.filter, '');
    assert.equal(press(['/', ...Array(100).fill('a')]).state.filter.length, 64);
    assert.equal(chosenOf(press(['/', 'C', 'enter'], MANY).state), 'c');
  });

  it('? explains the keys, until any of those that close it', () => {
    for (const key of ['q', 'escape', 'enter']) {
      const { state, actions } = press(['?', 'p', 'down', 'down', 'up', key]);
      assert.deepEqual([state.page, actions], [undefined, []]);
    }
    assert.equal(press(['?', 'down', 'down', 'up']).state.page?.from, 1);
    assert.equal(press(['?', 'end', 'down']).state.page?.from, 8);
  });

  it('q quits', () => assert.deepEqual(press(['q']).actions, [{ kind: 'quit' }]));

  it('others do nothing', () => assert.deepEqual(press(['x', 'ctrl-l', '€']).state, FIRST));
});

describe('lists', () => {
  const QUEUES = snapshot({
    queues: [
      queue('b', { ready: 5, dead: 1, rates: { accepted: 1, done: 9, failed: 0 } }),
      queue('a', { ready: 9, rates: { accepted: 2, done: 3, failed: 0 } }),
      queue('c', { ready: 5, rates: { accepted: 3, done: undefined, failed: 0 } }),
    ],
    consumers: [
      consumer(9, { heldMs: 5, holding: 1, queues: ['b'] }),
      consumer(3, { heldMs: 9, queues: ['a'], command: './b' }),
    ],
  });
  const queuesAfter = (...keys: string[]) =>
    listsOf(QUEUES, press(keys, QUEUES).state)
      .queues.map((one) => one.queue)
      .join('');
  const consumersAfter = (...keys: string[]) =>
    listsOf(QUEUES, press(keys, QUEUES).state)
      .consumers.map(({ pid }) => pid)
      .join(' ');

  it('are sorted by what s chooses: most first, what is equal by name', () => {
    const orders = [[], ['s'], ['s', 's'], ['s', 's', 's'], ['s', 's', 's', 's']].map((keys) =>
      queuesAfter(...keys),
    );
    assert.deepEqual(orders, ['abc', 'abc', 'cab', 'bac', 'bac']);
    assert.equal(queuesAfter('s', 's', 's', 's', 's'), 'abc');
    assert.equal(queuesAfter('S'), 'cba');
  });

  it('keep consumers in the order of registration, unless another is wanted', () => {
    assert.equal(consumersAfter('tab'), '9 3');
    assert.equal(consumersAfter('tab', 's'), '3 9');
    assert.equal(consumersAfter('tab', 's', 's'), '9 3');
    assert.equal(consumersAfter('tab', 's', 's', 's'), '3 9');
  });

  it('show only what contains the filter: consumers by queue, PID or command', () => {
    assert.deepEqual([queuesAfter('/', 'B'), consumersAfter('/', 'b')], ['b', '9 3']);
    assert.equal(consumersAfter('/', '9'), '9');
  });
});
