import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { BrokerEvent } from '../../src/broker/events.ts';
import { Journal } from '../../src/broker/journal.ts';
import { SigmqError } from '../../src/errors.ts';

/** What the dispatcher and the due timer are asked for. */
function given() {
  const events: BrokerEvent[] = [];
  const journal = new Journal((event) => events.push(event));
  const asked: string[] = [];
  journal.dispatching.start(async () => void asked.push('dispatching'));
  journal.timing.start(async () => void asked.push('timing'));
  return { events, journal, asked };
}

function warnings(t: TestContext): string[] {
  const heard: string[] = [];
  const listen = ({ message }: Error) => heard.push(message);
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  return heard;
}

describe('Journal', () => {
  it('gives each event its level, its sentence and its data', () => {
    const { events, journal } = given();
    journal.say({ type: 'delivery-overdue', pid: 7, id: 9, queue: 'q', ackWaitMs: 50 });
    journal.error(new SigmqError('bus-lost', 75, 'It broke.', 'Mend it.'));
    assert.deepEqual(events[0], {
      ...{ type: 'delivery-overdue', pid: 7, id: 9, queue: 'q', ackWaitMs: 50, level: 'warn' },
      message: 'Consumer 7 has not settled message 9 within 50 ms; it goes to another.',
    });
    const [, error] = events;
    assert.ok(error?.type === 'error' && error.error instanceof SigmqError);
    assert.deepEqual([error.level, error.message], ['error', 'It broke. Mend it.']);
  });

  it('warns the process when nobody listens, but not of what is as it should be', async (t) => {
    const heard = warnings(t);
    const journal = new Journal(undefined);
    journal.say({ type: 'consumer-left', pid: 7 });
    journal.say({ type: 'warning', message: 'Careful.' });
    journal.error(new Error('broken'));
    await turn();
    assert.deepEqual(heard, ['Careful.', 'broken']);
  });

  it('counts what was stored and how it ended, and has it given out and timed', () => {
    const { journal, asked } = given();
    const message = { queue: 'q', body: new Uint8Array(1), priority: 0 };
    journal.published([message, message]);
    assert.deepEqual(asked, ['dispatching', 'timing']);
    journal.settled('q', { kind: 'failed' }, 'dead');
    const { accepted, failed, dead } = journal.counters.totals;
    assert.deepEqual([accepted, failed, dead], [2, 1, 1]);
  });

  it('counts a consumer that has ended, and tells of it', () => {
    const { events, journal } = given();
    journal.consumerEnded({ pid: 7 } as never);
    assert.deepEqual(events, [
      { type: 'consumer-ended', pid: 7, level: 'info', message: 'Consumer 7 ended.' },
    ]);
    assert.equal(journal.counters.totals.lostConsumers, 1);
  });

  it('asks for a stop once, with the first reason', async () => {
    const { journal } = given();
    const why = new SigmqError('bus-lost', 75, 'It is gone.', 'Make it.');
    journal.requestStop(why);
    journal.requestStop();
    assert.equal(await journal.stopRequested, why);
  });
});
