import type { TestContext } from 'node:test';
import { DeliveredMessage, type Message, type MessageContent } from '../../src/client/message.ts';
import type { Metrics } from '../../src/status.ts';

/** What is written to stderr during a test, and nowhere else. */
export function stderrOf(t: TestContext): () => string {
  let text = '';
  t.mock.method(process.stderr, 'write', (chunk: string) => {
    text += chunk;
    return true;
  });
  return () => text;
}

export function messageOf(body: string | Uint8Array, more: Partial<MessageContent> = {}): Message {
  const content = {
    id: 7,
    queue: 'q',
    attempt: 2,
    releases: 0,
    headers: [],
    isAsked: false,
    ...more,
  };
  return new DeliveredMessage({ ...content, body: Buffer.from(body) }, async () => true);
}

export const counted = {
  ...{ accepted: 10, delivered: 9, retried: 1, done: 7, failed: 2 },
  ...{ released: 3, lost: 4, expired: 5, dead: 6, dropped: 14 },
};
const now = {
  ...{ ready: 1, delayed: 2, reserved: 3, dead: 4 },
  ...{ paused: true, oldestReadyMs: 1500 },
};
const histogram = { bounds: [0.001, 1], counts: [2, 0, 3], sum: 40.5 };
export const metrics: Metrics = {
  ...{ pid: 123, version: '1.2.3', dir: '/run/"x"', store: 'queue.db', uptimeMs: 1000 },
  ...{
    engine: null,
    draining: false,
    drain: null,
    plainBecause: null,
    others: null,
    agingMs: null,
  },
  ...{ ...counted, since: '2026-01-02T03:04:05.678Z', refused: { full: 7 } },
  ...{ lostConsumers: 8, resends: 9, repeats: 10, replies: { sent: 15, dropped: 16 } },
  link: { bitsSent: 11, bitsReceived: 12, foreignSignals: 13, busWaits: histogram },
  consumers: [{ pid: 77, kind: 'echo', queues: ['default'], jobs: 1, holding: 0 }],
  queues: [
    { queue: 'mail', now, counted, latency: histogram },
    { queue: 'quiet', now: { ...now, oldestReadyMs: null }, counted: null, latency: null },
  ],
};
