import type { BatchSize } from '../link/batch-size.ts';
import type { Reserved } from '../queue/message.ts';
import type { Store } from '../queue/store.ts';
import { type ConsumerState, mostRoomOf, roomOf } from './consumer-state.ts';
import { bytesOf, type Delivery } from './delivery.ts';
import type { InFlight } from './in-flight.ts';
import type { Roster } from './roster.ts';
import { type Dealt, Weighing } from './weighing.ts';

/** Messages for a consumer at a time: it may get as many again while it is at work on these. */
const MAX_HAND = 128;
/** Messages for all consumers at a time: what is more urgent comes after these. */
const MAX_DEAL = 512;
/** When there was a message for each card that the store was asked for, it is asked for so many times more. */
const GROWTH = 4;

export interface DealerOptions {
  readonly roster: Roster;
  readonly store: Pick<Store, 'hasReady' | 'reserve'>;
  readonly inFlight: InFlight;
  readonly size: Pick<BatchSize, 'bytes' | 'messages'>;
}

/** What a consumer gets now. */
interface Hand {
  readonly consumer: ConsumerState;
  /** How many more it may get; 0: none, because it has enough, is stopped, or there are none for it. */
  room: number;
  /** It could get more than its hand, once it is done with that: nobody is served past it. */
  isPaced: boolean;
  isAsked: boolean;
  readonly messages: Reserved[];
}

/**
 * Deals ready messages to the free consumers like cards: one each, in turn, as long as there are some. So it is the
 * same who gets which message, whether they go out one by one or many in a frame.
 */
export class Dealer {
  readonly #options: DealerOptions;
  readonly #weighing: Weighing;

  constructor(options: DealerOptions) {
    this.#options = options;
    this.#weighing = new Weighing(options.store);
  }

  /**
   * Reserves messages for as many frames as there are consumers, at most. @returns the frames, in turn
   * @throws what the store throws, unless something was dealt before: then the next time
   */
  async deal(now: number): Promise<Delivery[]> {
    const hands: Hand[] = [];
    for (const consumer of this.#options.roster.free(now)) {
      if (await this.#isReady(consumer))
        hands.push({ consumer, ...roomIn(consumer), isAsked: false, messages: [] });
    }
    try {
      await this.#dealTo(hands, now);
    } catch (error) {
      if (!hands.some(isDealt)) throw error;
    }
    return hands.filter(isDealt).flatMap(framesOf);
  }

  async #dealTo(hands: readonly Hand[], now: number): Promise<void> {
    const { size } = this.#options;
    let at = 0;
    let wanted = hands.length === 1 ? size.messages : 1;
    let cards = 0;
    let bytes = 0;
    while (cards < MAX_DEAL) {
      const { run, next } = this.#runFrom(at, hands, Math.min(wanted, MAX_DEAL - cards), now);
      const first = run[0];
      if (!first) return;
      at = next;
      const most = size.bytes * new Set([...run, ...hands.filter(isDealt)]).size - bytes;
      if (most <= 0) return;
      const got = await this.#reserve(run, most);
      bytes += bytesOf(got);
      cards += got.length;
      if (got.length === run.length) wanted *= GROWTH;
      // Or it would be too much.
      else if (bytes > 0 && got.length > 0 && (await this.#isReady(first.consumer))) return;
      else for (const hand of hands) if (isAlike(hand, first)) close(hand);
    }
  }

  /** Whose turn it is next, up to `wanted` times, as long as they take from the same queues. */
  #runFrom(at: number, hands: readonly Hand[], wanted: number, now: number) {
    const run: Hand[] = [];
    let next = at;
    for (let skipped = 0; skipped < hands.length && run.length < wanted; ) {
      const hand = hands[next % hands.length] as Hand;
      if (hand.room > 0 && this.#isReachable(hand, now)) {
        if (run[0] && !isAlike(hand, run[0])) break;
        hand.room--;
        run.push(hand);
        skipped = 0;
      } else if (hand.isPaced) break;
      else skipped++;
      next++;
    }
    return { run, next };
  }

  /** Looked at once, when its turn comes. */
  #isReachable(hand: Hand, now: number): boolean {
    if (hand.isAsked) return true;
    hand.isAsked = true;
    const { roster } = this.#options;
    if (!roster.isStopped(hand.consumer)) return true;
    roster.rest(hand.consumer, now);
    close(hand);
    return false;
  }

  #isReady({ queues }: ConsumerState): Promise<boolean> {
    return this.#options.store.hasReady(queues);
  }

  async #reserve(run: readonly Hand[], maxBytes: number): Promise<Reserved[]> {
    const { roster, inFlight } = this.#options;
    const dealt = await this.#take(run, maxBytes);
    for (const [card, message] of dealt) {
      const hand = run[card] as Hand;
      const { consumer, messages } = hand;
      inFlight.begin(consumer, message);
      roster.dealt(consumer);
      if (roster.isRegistered(consumer)) messages.push(message);
      else {
        // It left while the store was busy: nobody would notice how it ends.
        close(hand);
        await inFlight.settleSurely(consumer, [message], { kind: 'untaken' });
      }
    }
    return dealt.map(([, message]) => message);
  }

  async #take(run: readonly Hand[], maxBytes: number): Promise<Dealt[]> {
    const { consumer } = run[0] as Hand;
    const keys = run.map((hand) => hand.consumer.key);
    if (consumer.weights) return this.#weighing.reserve(consumer, keys, maxBytes);
    return [...(await this.#options.store.reserve(consumer.queues, keys, maxBytes)).entries()];
  }
}

function roomIn(consumer: ConsumerState): Pick<Hand, 'room' | 'isPaced'> {
  const room = Math.min(roomOf(consumer), MAX_HAND);
  return { room, isPaced: room < mostRoomOf(consumer) };
}

/** It gets no more of this deal, and the others go on. */
function close(hand: Hand): void {
  hand.room = 0;
  hand.isPaced = false;
}

function isAlike({ consumer: a }: Hand, { consumer: b }: Hand): boolean {
  if (a.queues === b.queues && a.weights === b.weights) return true;
  return a.queues.join() === b.queues.join() && a.weights?.join() === b.weights?.join();
}

function isDealt({ messages }: Hand): boolean {
  return messages.length > 0;
}

function framesOf({ consumer, messages }: Hand): Delivery[] {
  if (consumer.accepts.batch) return [{ consumer, messages }];
  return messages.map((message) => ({ consumer, messages: [message] }));
}
