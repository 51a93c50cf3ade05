import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { queuesText, statusText } from '../../src/cli/status-text.ts';
import type { BrokerStatus, QueueStatus } from '../../src/status.ts';

const counted = {
  ...{ accepted: 1_000_000, delivered: 1_000_001, retried: 1, done: 999_999, failed: 2 },
  ...{ released: 3, lost: 4, expired: 5, dead: 6 },
};
const status: BrokerStatus = {
  ...{ pid: 123, version: '1.2.3', dir: '/d', store: '/s/queue.db', uptimeMs: 3_723_000 },
  engine: null,
  ...{ draining: false, drain: null, plainBecause: null, others: null, ...counted },
  ...{ since: '2026-01-02T03:04:05.678Z', refused: { full: 7, 'too-large': 8 }, lostConsumers: 9 },
  ...{ resends: 10, repeats: 11 },
  link: {
    ...{ bitsSent: 12, bitsReceived: 13, foreignSignals: 14 },
    busWaits: { bounds: [1], counts: [3, 1], sum: 0.5 },
  },
  consumers: [{ pid: 77, kind: 'echo', queues: ['default'], jobs: 1, holding: 0 }],
};
const queue = (name: string, more: Partial<QueueStatus> = {}): QueueStatus => ({
  ...{ queue: name, ready: 1, delayed: 0, reserved: 0, dead: 0, paused: false },
  ...{ oldestReadyMs: 90_000, counted, ...more },
});

describe('statusText', () => {
  it('shows every number, by queue too, and since when, in 80 columns', () => {
    const drain = {
      ...{ ready: 1, delayed: 2, delayedUntil: '2026-01-02T03:04:05.678Z', reserved: 3, dead: 0 },
      ...{ heldBy: [100_000, 100_001], pausedQueues: ['a', 'b'], inPausedQueues: 3 },
      ...{ waitsForPaused: false, keepsMessages: true },
    };
    const text = statusText({ ...status, draining: true, drain }, [
      queue('default'),
      queue('mail'),
    ]);
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
    for (const part of [
      'since      2026-01-02T03:04:05.678Z',
      'up 1h 2m',
      'accepted   1000000 (268.6/s)',
      'delivered  1000001 (268.6/s), retried 1',
      'done       999999 (268.6/s)',
      'failed 2, released 3, lost 4',
      'expired 5, dead 6',
      'refused    full 7, too-large 8',
      'consumers  lost 9',
      'bits       sent 12, received 13, foreign signals 14',
      'frames     sent again 10, come again 11',
      'bus        waited 4 times, 125.0 ms each',
      'waits for 1 ready, 2 delayed',
    ]) {
      assert.ok(text.includes(part), `${part} in ${text}`);
    }
    assert.match(text, /default +1 +0 +0 +0 +1m 30s/);
    assert.match(
      text,
      /ACCEPTED +DELIVERED +RETRIED +DONE +QUEUE\n +1000000 +1000001 +1 +999999 {2}default\n/,
    );
    assert.match(
      text,
      /FAILED +RELEASED +LOST +EXPIRED +DEAD +QUEUE\n +2 +3 +4 +5 +6 {2}default\n.* mail\n/,
    );
  });

  it('shows what was counted of queues beyond the bound', () => {
    assert.match(statusText({ ...status, others: counted }, []), / 999999 {2}\(other queues\)\n/);
  });

  it('shows no number of a queue of which nothing was counted', () => {
    const text = statusText(status, [queue('q', { counted: null, oldestReadyMs: null })]);
    assert.doesNotMatch(text, /ACCEPTED/);
    assert.match(text, /q +1 +0 +0 +0 +-\n/);
  });
});

it('queuesText knows no age where it was not told', () => {
  const { oldestReadyMs: _, ...counts } = queue('q', { paused: true });
  assert.match(queuesText([counts]), /QUEUE +READY +DELAYED +RESERVED +DEAD\nq .* paused\n/);
});
