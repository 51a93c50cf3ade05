import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { metricsText } from '../../src/cli/metrics-text.ts';
import { openMetrics } from '../../src/cli/open-metrics.ts';
import { visible } from '../../src/cli/visible.ts';
import { counted, metrics } from './fakes.ts';
import { labelsOf, parseMetrics } from './parse-metrics.ts';

function valueIn(text: string, name: string, labels: object = {}): number | undefined {
  const key = JSON.stringify({ dir: '/run/"x"', ...labels });
  for (const { samples } of parseMetrics(text).values()) {
    const value = samples.get(`${name} ${key}`);
    if (value !== undefined) return value;
  }
  return undefined;
}

describe('metricsText', () => {
  const mail = { queue: 'mail' };
  const expected: [name: string, labels: object, value: number][] = [
    ['sigmq_broker_info', { version: '1.2.3' }, 1],
    ['sigmq_start_time_seconds', {}, Date.parse('2026-01-02T03:04:05.678Z') / 1000],
    ['sigmq_draining', {}, 0],
    ['sigmq_store_up', {}, 1],
    ['sigmq_consumers', { kind: 'echo' }, 1],
    ['sigmq_consumers', { kind: 'plain' }, 0],
    ['sigmq_consumers_lost_total', {}, 8],
    ['sigmq_messages_refused_total', { reason: 'full' }, 7],
    ['sigmq_queue_messages', { ...mail, state: 'delayed' }, 2],
    ['sigmq_queue_messages', { queue: 'quiet', state: 'dead' }, 4],
    ['sigmq_queue_paused', mail, 1],
    ['sigmq_queue_oldest_ready_seconds', mail, 1.5],
    ['sigmq_queue_oldest_ready_seconds', { queue: 'quiet' }, 0],
    ['sigmq_messages_accepted_total', mail, 10],
    ['sigmq_messages_delivered_total', mail, 9],
    ['sigmq_messages_failed_total', mail, 2],
    ['sigmq_messages_dead_total', mail, 6],
    ['sigmq_message_latency_seconds_bucket', { ...mail, le: '0.001' }, 2],
    ['sigmq_message_latency_seconds_bucket', { ...mail, le: '1.0' }, 2],
    ['sigmq_message_latency_seconds_bucket', { ...mail, le: '+Inf' }, 5],
    ['sigmq_message_latency_seconds_count', mail, 5],
    ['sigmq_message_latency_seconds_sum', mail, 40.5],
    ['sigmq_resends_total', {}, 9],
    ['sigmq_repeats_total', {}, 10],
    ['sigmq_signals_total', { direction: 'sent' }, 11],
    ['sigmq_signals_total', { direction: 'received' }, 12],
    ['sigmq_foreign_signals_total', {}, 13],
    ['sigmq_bus_wait_seconds_count', {}, 5],
  ];
  for (const [name, labels, value] of expected) {
    it(`tells ${name} of ${JSON.stringify(labels)}`, () => {
      assert.equal(valueIn(metricsText(metrics), name, labels), value);
    });
  }

  it('tells nothing of a queue of which nothing was counted, and sums up those beyond the bound', () => {
    const text = metricsText({ ...metrics, others: counted });
    const accepted = (queue: string) => valueIn(text, 'sigmq_messages_accepted_total', { queue });
    assert.deepEqual([accepted('quiet'), accepted('(other queues)')], [undefined, 10]);
  });

  it('tells what was counted, and not what is in the queues, while the store is away', () => {
    const engine = {
      ...{ name: 'PostgreSQL', version: '15', latencyMs: 1, notifies: true, brokers: [] },
      warnings: [],
      error: 'It is away.',
    };
    const queues = [{ queue: 'mail', now: null, counted, latency: null }];
    const text = metricsText({ ...metrics, engine, queues });
    assert.equal(valueIn(text, 'sigmq_store_up'), 0);
    assert.equal(valueIn(text, 'sigmq_messages_accepted_total', mail), 10);
    assert.doesNotMatch(text, /sigmq_queue|latency/);
  });

  it('tells nothing of signals that the broker does not count', () => {
    const text = metricsText({ ...metrics, link: null });
    parseMetrics(text);
    assert.doesNotMatch(text, /signals|bus_wait/);
  });

  it('names counters by their samples for who reads the older format', () => {
    const text = metricsText(metrics, 'prometheus');
    assert.match(text, /^# TYPE sigmq_repeats_total counter\n# HELP sigmq_repeats_total /m);
    assert.match(text, /^# TYPE sigmq_bus_wait_seconds histogram$/m);
    const samples = (some: string) => some.split('\n').filter((line) => !line.startsWith('#'));
    assert.deepEqual(samples(text), samples(metricsText(metrics)));
  });
});

describe('openMetrics', () => {
  it('escapes any label, so that it is read as it was', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), (queue) => {
      const samples = [{ labels: { queue }, value: 1 }];
      const text = openMetrics([{ name: 'a', type: 'gauge', help: 'A.', samples }], { b: 'c' });
      assert.equal(text.split('\n').length, 5, text);
      const [, labels = ''] = /^a\{(.*)\} 1$/m.exec(text) ?? assert.fail(text);
      assert.deepEqual(labelsOf(labels), [
        ['b', 'c'],
        ['queue', visible(queue)],
      ]);
    });
    fc.assert(property);
  });
});
