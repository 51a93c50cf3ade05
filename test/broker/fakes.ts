import type { ConsumerState } from '../../src/broker/consumer-state.ts';
import type { BrokerEvent } from '../../src/broker/events.ts';
import { Journal } from '../../src/broker/journal.ts';
import type { Reason } from '../../src/codec/reason.ts';
import type { SigmqError } from '../../src/errors.ts';
import type { Channel } from '../../src/link/echo-link.ts';
import type { Endpoint, Numbers } from '../../src/link/endpoint.ts';
import type { FrameOutcome } from '../../src/link/frame-sender.ts';
import { NOTHING_MORE } from '../../src/link/messages.ts';
import { Packer } from '../../src/link/model.ts';
import type { SendOptions } from '../../src/link/transmitter.ts';
import type { NewMessage, Outcome, Reserved, Settled } from '../../src/queue/message.ts';
import { DEFAULT_POLICY } from '../../src/queue/policy.ts';
import { SqliteStore } from '../../src/queue/sqlite/sqlite-store.ts';
import type { Store } from '../../src/queue/store.ts';
import { put } from '../queue/single.ts';

/** A store in memory of which methods can be made to fail. */
export class FakeStore implements Store {
  /** Thrown by the methods of these names. */
  readonly failing = new Map<keyof Store, Error>();
  readonly #store = SqliteStore.inMemory({ ...DEFAULT_POLICY, maxAttempts: 2 });
  readonly name = this.#store.name;
  readonly identity = this.#store.identity;
  readonly incarnation = this.#store.incarnation;

  publish = this.#orFail('publish');
  addGroups = this.#orFail('addGroups');
  groups = this.#orFail('groups');
  removeGroup = this.#orFail('removeGroup');
  lastNumber = this.#orFail('lastNumber');
  hasReady = this.#orFail('hasReady');
  reserve = this.#orFail('reserve');
  settle = this.#orFail('settle');
  settleLate = this.#orFail('settleLate');
  reservations = this.#orFail('reservations');
  nextSweep = this.#orFail('nextSweep');
  sweep = this.#orFail('sweep');
  oldest = this.#orFail('oldest');
  isEmpty = this.#orFail('isEmpty');
  delayedUntil = this.#orFail('delayedUntil');
  counts = this.#orFail('counts');
  peek = this.#orFail('peek');
  find = this.#orFail('find');
  remove = this.#orFail('remove');
  edit = this.#orFail('edit');
  purge = this.#orFail('purge');
  kick = this.#orFail('kick');
  pause = this.#orFail('pause');
  settings = this.#orFail('settings');
  set = this.#orFail('set');
  repliesAt = this.#orFail('repliesAt');
  reply = this.#orFail('reply');
  forgetReplies = this.#orFail('forgetReplies');
  asked = this.#orFail('asked');
  close = this.#orFail('close');
  takeExpired = () => this.#store.takeExpired();
  takeDropped = () => this.#store.takeDropped();

  /** Calls of a method wait until the function is called that this returns. */
  hold<Method extends 'publish' | 'settle'>(method: Method): () => void {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const held = this[method].bind(this) as (...args: unknown[]) => unknown;
    const waiting = async (...args: unknown[]) => {
      await gate;
      return held(...args);
    };
    Object.assign(this, { [method]: waiting });
    return open;
  }

  /** Adds messages to the default queue. */
  put(...bodies: string[]): Promise<number[]> {
    return put(
      this,
      bodies.map((body) => ({ queue: 'default', body: Buffer.from(body), priority: 0 })),
    );
  }

  /** The state of each message, in the order of ids. */
  async states(): Promise<string[]> {
    const messages = await this.peek('default');
    return messages.sort((a, b) => a.id - b.id).map(({ state }) => state);
  }

  #orFail<
    K extends Exclude<
      keyof Store & keyof SqliteStore,
      'name' | 'identity' | 'incarnation' | 'takeExpired' | 'takeDropped'
    >,
  >(method: K): Store[K] {
    const call = async (...args: never[]) => {
      const error = this.failing.get(method);
      if (error) throw error;
      return (this.#store[method] as (...args: never[]) => unknown).apply(this.#store, args);
    };
    return call as Store[K];
  }
}

/** A journal, and what was written into it. */
export class FakeJournal extends Journal {
  readonly events: BrokerEvent[];
  readonly publishedBodies: string[] = [];
  readonly refusals: [Reason, number][] = [];
  /** Queue, outcome and new state of each. */
  readonly settlements: string[] = [];
  deliveries = 0;
  wakes = 0;
  changes = 0;
  stops = 0;

  /** @param listen hears each, too */
  constructor(listen: (event: BrokerEvent) => void = () => {}) {
    const heard: BrokerEvent[] = [];
    super((event) => {
      heard.push(event);
      listen(event);
    });
    this.events = heard;
  }

  /** The sentences of warnings. */
  get warnings(): string[] {
    return this.events.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }

  get errors(): unknown[] {
    return this.events.flatMap((event) => (event.type === 'error' ? [event.error] : []));
  }

  override published(batch: readonly NewMessage[]): void {
    this.publishedBodies.push(...batch.map(({ body }) => Buffer.from(body).toString()));
    super.published(batch);
  }

  override refused(reason: Reason, messages: number): void {
    this.refusals.push([reason, messages]);
    super.refused(reason, messages);
  }

  override delivered(message: Reserved): void {
    this.deliveries++;
    super.delivered(message);
  }

  override settled(queue: string, outcome: Outcome, became: Settled, acceptedAt?: number): void {
    this.settlements.push(`${queue} ${outcome.kind} ${became}`);
    super.settled(queue, outcome, became, acceptedAt);
  }

  override wake(): void {
    this.wakes++;
    super.wake();
  }

  override changed(): void {
    this.changes++;
    super.changed();
  }

  override requestStop(why?: SigmqError): void {
    this.stops++;
    super.requestStop(why);
  }
}

/** Answers a frame to a process, or throws as a link does. */
export type Answer = (
  pid: number,
  frame: Uint8Array,
  options?: SendOptions,
) => FrameOutcome | Promise<FrameOutcome>;

/** An endpoint whose peers answer as they are told; what was sent, and how often the bus was taken. */
export class FakeEndpoint {
  readonly sent: { pid: number; frame: Uint8Array }[] = [];
  holds = 0;
  /** Who has the bus now: 0 or 1. */
  holding = 0;
  /** What the first frames are answered with, or what sending them throws. */
  readonly first: (FrameOutcome | Error)[] = [];
  /** What the others are answered with. */
  answer: Answer = () => ({ kind: 'accepted' });
  /** Why the bus cannot be taken. */
  busFails: Error | undefined;
  /** Until when others have the bus. */
  busFree: Promise<void> | undefined;
  /** Whether the addon is there. */
  hasAddon = true;
  /** What the next group of frames is numbered with. */
  numbers: Numbers = { number: 0, knownTo: undefined, packer: new Packer() };
  /** What becomes of a paced transfer. */
  paced: (pid: number, body: Uint8Array, onStalled: () => void) => Promise<void> = async () => {};

  get endpoint(): Endpoint {
    const channel: Channel = {
      send: async ({ pid }, frame, options) => {
        this.sent.push({ pid, frame });
        const outcome = this.first.shift() ?? (await this.answer(pid, frame, options));
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
    };
    const withBus = async (work: (channel: Channel) => Promise<unknown>, signal?: AbortSignal) => {
      this.holds++;
      if (this.busFails) throw this.busFails;
      if (this.busFree) await this.busFree;
      signal?.throwIfAborted();
      this.holding++;
      try {
        return await work(channel);
      } finally {
        this.holding--;
      }
    };
    const numbered = (work: (numbers: Numbers) => Promise<unknown>) => work(this.numbers);
    const sendPlain: Endpoint['sendPlain'] = (target, body, options) =>
      this.paced(target.pid, body, () => options?.onStalled?.());
    const echo = () => (this.hasAddon ? { withBus } : undefined);
    return {
      get echo() {
        return echo();
      },
      exclusively: withBus,
      numbered,
      sendPlain,
    } as unknown as Endpoint;
  }
}

/** Some message that a consumer has. */
export const unsettled = {
  ...{ queue: 'default', incarnation: 5, delivery: 1, enqueuedAt: 1000, since: 2000 },
  isSending: false,
};

export function consumer(more: Partial<ConsumerState> & { pid: number }): ConsumerState {
  return {
    start: 500,
    key: `${more.pid}:500`,
    kind: 'echo',
    saysPlain: false,
    queues: ['default'],
    weights: undefined,
    jobs: 1,
    prefetch: 1,
    hand: 1,
    count: Number.POSITIVE_INFINITY,
    nth: 1,
    given: 0,
    accepts: NOTHING_MORE,
    ackWaitMs: undefined,
    inFlight: new Map(),
    owed: [],
    overdue: new Map(),
    packer: new Packer(),
    told: undefined,
    sent: 0,
    restsUntil: 0,
    restMs: 250,
    ...more,
  };
}
