import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settingsLine } from '../../src/cli/queue-settings.ts';
import { queuesText, statusText } from '../../src/cli/status-text.ts';
import type { BrokerStatus, QueueStatus } from '../../src/status.ts';

const counted = {
  ...{ accepted: 1_000_000, delivered: 1_000_001, retried: 1, done: 999_999, failed: 2 },
  ...{ released: 3, lost: 4, expired: 5, dead: 6, dropped: 7 },
};
const status: BrokerStatus = {
  ...{ pid: 123, version: '1.2.3', dir: '/d', store: '/s/queue.db', uptimeMs: 3_723_000 },
  engine: null,
  ...{ draining: false, drain: null, plainBecause: null, others: null, agingMs: null, ...counted },
  ...{ since: '2026-01-02T03:04:05.678Z', refused: { full: 7, 'too-large': 8 }, lostConsumers: 9 },
  replies: { sent: 4, dropped: 2 },
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
  it('shows what an earlier broker counts, which is less', () => {
    const { dropped, ...fewer } = counted;
    const text = statusText(status, [queue('default', { counted: fewer as typeof counted })]);
    assert.doesNotMatch(text, /undefined/);
  });

  it('keeps what others have named on its line', () => {
    const text = statusText({ ...status, dir: '/tmp/a\nbroker 1\x1b[2J' }, []);
    assert.ok(text.split('\n').includes('directory  /tmp/a\\nbroker 1\\x1b[2J'), text);
  });

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
      'replies    sent 4, dropped 2',
      'expired 5, dead 6, dropped 7',
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
      /FAILED +RELEASED +LOST +EXPIRED +DEAD +DROPPED +QUEUE\n +2 +3 +4 +5 +6 +7 {2}default\n.* mail\n/,
    );
  });

  it('shows how priorities age, and the weights of queues', () => {
    const [one] = status.consumers;
    assert.ok(one);
    const weighed = { ...one, queues: ['mail@audit', 'bulk'], weights: [3, 1] };
    const text = statusText({ ...status, agingMs: 60_000, consumers: [one, weighed] }, []);
    assert.match(text, /\naging {6}a priority for each 1m/);
    assert.match(text, / 1 +0 {2}default\n.* 1 +0 {2}mail@audit:3,bulk:1\n/);
  });

  it('shows what was counted of queues beyond the bound', () => {
    assert.match(statusText({ ...status, others: counted }, []), / 999999 {2}\(other queues\)\n/);
  });

  it('shows what is set for a queue, as one writes it', () => {
    const settings = { backoffMs: 90_000, maxBytes: 1 << 20, rate: '10/s' };
    const text = statusText(status, [queue('q', { settings })]);
    assert.match(
      text,
      /SETTING +VALUE +QUEUE\nbackoff +1m30s +q\nmax-bytes +1M +q\nrate +10\/s +q\n/,
    );
    assert.match(
      queuesText([queue('q', { settings })], settingsLine),
      / {2}--backoff 1m30s --max-bytes 1M --rate 10\/s\n/,
    );
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
