import { steadyMs } from '../clock.ts';
import { type Reason, reasonName } from '../codec/reason.ts';
import type { SigmqError } from '../errors.ts';
import { StoreAway } from '../queue/errors.ts';
import type { NewMessage, Outcome, Reserved, Settled } from '../queue/message.ts';
import type { Dropped } from '../queue/store.ts';
import type { DrainState } from '../status.ts';
import { warn } from '../warning.ts';
import type { ConsumerState } from './consumer-state.ts';
import { Counters } from './counters.ts';
import { type BrokerEvent, type BrokerEventData, eventOf } from './events.ts';
import { Rerun } from './rerun.ts';

/**
 * Everything that happens in a broker is recorded here, and only here is it decided what follows: what is counted,
 * who is told, and what work there is now. All parts know the journal, and it knows none of them.
 */
export class Journal {
  readonly counters = new Counters();
  /** A message may be ready, or a consumer free. */
  readonly dispatching: Rerun;
  /** Another message may be the next to fall due. */
  readonly timing: Rerun;
  /** Somebody who asked may be told what became of it. */
  readonly answering: Rerun;
  /** The broker should be closed. */
  readonly stopRequested: Promise<SigmqError | undefined>;
  readonly #onEvent: ((event: BrokerEvent) => void) | undefined;
  #requestStop: (why: SigmqError | undefined) => void = () => {};

  /** @param onEvent without it, warnings and errors become process warnings */
  constructor(onEvent: ((event: BrokerEvent) => void) | undefined) {
    this.#onEvent = onEvent;
    this.dispatching = new Rerun(this.error);
    this.timing = new Rerun(this.error);
    this.answering = new Rerun(this.error);
    this.stopRequested = new Promise((resolve) => {
      this.#requestStop = resolve;
    });
  }

  say(fact: BrokerEventData): void {
    const event = eventOf(fact);
    if (this.#onEvent) this.#onEvent(event);
    else if (event.level === 'warn' || event.level === 'error') warn(event.message);
  }

  /** That the store cannot be reached is said once, not by everybody who notices. */
  readonly error = (error: unknown): void => {
    if (!(error instanceof StoreAway)) this.say({ type: 'error', error });
  };

  published(batch: readonly NewMessage[]): void {
    for (const { queue } of batch) this.counters.accepted(queue);
    this.changed();
  }

  refused(reason: Reason, messages: number): void {
    this.counters.refused(reasonName(reason), messages);
  }

  /** A consumer has received it. */
  delivered({ queue, delivery }: Reserved): void {
    this.counters.delivered(queue, delivery > 1);
  }

  /** A delivery has ended. @param acceptedAt when its message was accepted; undefined: not known; ms since the epoch */
  settled(queue: string, { kind }: Outcome, became: Settled, acceptedAt?: number): void {
    const ms = acceptedAt === undefined ? undefined : steadyMs() - acceptedAt;
    this.counters.settled(queue, kind, became === 'dead', ms);
    this.changed();
  }

  /** Dead messages were removed: they were too old, or too many. */
  dropped({ queue, why, messages }: Dropped): void {
    this.counters.dropped(queue, messages);
    this.say({ type: 'dead-dropped', queue, why, messages });
  }

  /** A frame went out again: it arrived damaged, or nobody knows whether it arrived. */
  resent(): void {
    this.counters.resent();
  }

  /** A frame of messages came again, and was not taken twice. */
  repeated(): void {
    this.counters.repeated();
  }

  consumerEnded({ pid }: ConsumerState): void {
    this.say({ type: 'consumer-ended', pid });
    this.counters.lostConsumer();
  }

  /** Somebody who asked has the reply. */
  replied(): void {
    this.counters.replied();
  }

  /** Whoever asked has ended, or waits no longer. */
  replyDropped(pid: number): void {
    this.counters.replyDropped();
    this.say({ type: 'reply-dropped', pid });
  }

  drained(state: DrainState): void {
    this.say({ type: 'drained', state });
    this.requestStop();
  }

  /** A message may be ready, or a consumer free. */
  wake(): void {
    this.dispatching.ask();
  }

  /** Messages have arrived, gone, or changed state. */
  changed(): void {
    this.dispatching.ask();
    this.timing.ask();
  }

  /** @param why nothing can reach the broker any more; undefined: somebody asked for it */
  requestStop(why?: SigmqError): void {
    this.#requestStop(why);
  }
}
