import type { Counts, Metrics, QueueMetrics } from '../status.ts';
import {
  type Dialect,
  type Family,
  type Labels,
  openMetrics,
  type Sample,
} from './open-metrics.ts';

/** What `sigmq metrics` prints. The names are for good: dashboards and alerts go by them. */
export function metricsText(metrics: Metrics, dialect?: Dialect): string {
  const families = [
    ...brokerFamilies(metrics),
    ...queueFamilies(metrics),
    ...linkFamilies(metrics),
  ];
  // Several brokers of a host may be read together.
  return openMetrics(families, { dir: metrics.dir }, dialect);
}

function brokerFamilies(metrics: Metrics): Family[] {
  const { version, since, draining, engine, consumers, lostConsumers, refused, replies } = metrics;
  const ofKind = (kind: string) => consumers.filter((consumer) => consumer.kind === kind).length;
  return [
    gauge('broker_info', 'The broker.', [{ labels: { version }, value: 1 }]),
    gauge('start_time_seconds', 'When it started, since 1970.', one(Date.parse(since) / 1000)),
    gauge('draining', '1: it accepts no messages and stops when it is empty.', one(+draining)),
    gauge('store_up', '1: the store can be reached.', one(+(engine?.error == null))),
    gauge(
      'consumers',
      'Registered consumers: with the echo protocol, or plain peers.',
      ['echo', 'plain'].map((kind) => ({ labels: { kind }, value: ofKind(kind) })),
    ),
    counter('consumers_lost', 'Consumers that ended while registered.', one(lostConsumers)),
    counter(
      'messages_refused',
      'Messages that were refused, by reason.',
      Object.entries(refused).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
    counter('replies', 'Replies to those who asked: that they got, or no longer waited for.', [
      { labels: { became: 'sent' }, value: replies.sent },
      { labels: { became: 'dropped' }, value: replies.dropped },
    ]),
  ];
}

const STATES = ['ready', 'delayed', 'reserved', 'dead'] as const;

const COUNTERS: readonly (readonly [kind: keyof Counts, help: string])[] = [
  ['accepted', 'Messages that were stored.'],
  ['delivered', 'Deliveries that began, repeats included.'],
  ['retried', "Deliveries that were not the message's first."],
  ['done', 'Messages that were done.'],
  ['failed', 'Deliveries that failed.'],
  ['released', 'Deliveries that were given back, to be tried later.'],
  ['lost', 'Deliveries whose consumer ended, or took too long.'],
  ['expired', 'Messages that nobody took in time.'],
  ['dead', 'Messages that became dead.'],
  ['dropped', 'Dead messages that were removed: they were too old, or too many.'],
];

function queueFamilies({ queues, others }: Metrics): Family[] {
  const known = queues.flatMap(({ queue, now }) => (now ? [{ labels: { queue }, ...now }] : []));
  const counted: readonly Pick<QueueMetrics, 'queue' | 'counted'>[] = [
    ...queues,
    // No queue can have this name.
    { queue: '(other queues)', counted: others },
  ];
  return [
    gauge(
      'queue_messages',
      'Messages in the queue, by state.',
      known.flatMap(({ labels, ...now }) =>
        STATES.map((state) => ({ labels: { ...labels, state }, value: now[state] })),
      ),
    ),
    gauge(
      'queue_paused',
      '1: nothing is delivered from it.',
      known.map(({ labels, paused }) => ({ labels, value: +paused })),
    ),
    gauge(
      'queue_oldest_ready_seconds',
      'How long the message that has been ready longest has been ready; 0: none is.',
      known.map(({ labels, oldestReadyMs }) => ({ labels, value: (oldestReadyMs ?? 0) / 1000 })),
    ),
    ...COUNTERS.map(([kind, help]) =>
      counter(
        `messages_${kind}`,
        help,
        counted.flatMap(({ queue, counted }) =>
          counted ? [{ labels: { queue }, value: counted[kind] }] : [],
        ),
      ),
    ),
    histogram(
      'message_latency_seconds',
      'From accepted to done, delays and repeats included.',
      queues.flatMap(({ queue, latency }) =>
        latency ? [{ labels: { queue }, value: latency }] : [],
      ),
    ),
  ];
}

function linkFamilies({ link, resends, repeats }: Metrics): Family[] {
  const counters = [
    counter('resends', 'Frames that the broker sent again.', one(resends)),
    counter('repeats', 'Frames that came again, and were not taken twice.', one(repeats)),
  ];
  if (!link) return counters;
  const { bitsSent, bitsReceived, foreignSignals, busWaits } = link;
  return [
    counter('signals', 'Signals, one bit each, to and from processes of sigmq.', [
      { labels: { direction: 'sent' }, value: bitsSent },
      { labels: { direction: 'received' }, value: bitsReceived },
    ]),
    ...counters,
    counter(
      'foreign_signals',
      'Signals of other processes: plain peers, kill by hand.',
      one(foreignSignals),
    ),
    histogram('bus_wait_seconds', 'How long the broker waited for the bus.', [
      { labels: {}, value: busWaits },
    ]),
  ];
}

function family(type: Family['type']) {
  return (name: string, help: string, samples: readonly Sample[]): Family => {
    return { name: `sigmq_${name}`, type, help, samples };
  };
}
const counter = family('counter');
const gauge = family('gauge');
const histogram = family('histogram');

const NONE: Labels = {};
function one(value: number): Sample[] {
  return [{ labels: NONE, value }];
}
