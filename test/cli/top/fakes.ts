import type { LiveQueue } from '../../../src/cli/top/live.ts';
import type { ShownConsumer, Snapshot } from '../../../src/cli/top/snapshot.ts';

export const queue = (name: string, more: Partial<LiveQueue> = {}): LiveQueue => ({
  ...{ queue: name, paused: false, ready: 0, delayed: 0, reserved: 0, dead: 0 },
  ...{ accepted: 0, delivered: 0, done: 0, failed: 0, history: [] },
  rates: { accepted: undefined, done: undefined, failed: undefined },
  ...more,
});

export const consumer = (pid: number, more: Partial<ShownConsumer> = {}): ShownConsumer => ({
  ...{ pid, kind: 'echo', jobs: 1, queues: ['default'], holding: 0, id: 0, queue: '' },
  ...{ since: 0, heldMs: 0, command: './work', isStopped: false },
  ...more,
});

export const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  ...{ pid: 12, dir: '/run/sigmq', upMs: 3_723_000, isDraining: false, trouble: undefined },
  queues: [
    queue('mail', {
      ...{ ready: 1200, reserved: 3, dead: 2, history: [0, 1, 2, 4] },
      rates: { accepted: 12, done: 4, failed: 0.25 },
    }),
    queue('audit', { paused: true, rates: { accepted: 0, done: 0, failed: 0 } }),
  ],
  consumers: [
    consumer(71, { ...{ holding: 2, id: 9, queue: 'mail', queues: ['mail'], heldMs: 65_000 } }),
    consumer(72, { command: 'sigmq consume', isStopped: true }),
  ],
  bits: { perSecond: 12_345, history: [1, 2] },
  bus: { busy: 0.34, holder: 12, waiting: 2 },
  ...more,
});
