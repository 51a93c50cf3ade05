import type { Reserved } from '../queue/message.ts';
import type { Store } from '../queue/store.ts';
import { Recent } from '../recent.ts';
import type { ConsumerState } from './consumer-state.ts';
import { bytesOf } from './delivery.ts';
import { Turns } from './turns.ts';

/** Different choices of queues and weights among the consumers: of others it is forgotten whose turn it is. */
const MAX_CHOICES = 1000;

export type Choice = Pick<ConsumerState, 'queues' | 'weights'>;

/** A message, and the index of the card for which it was reserved. */
export type Dealt = readonly [card: number, message: Reserved];

/** Takes messages from several queues by their weights; all consumers with the same choice take turns together. */
export class Weighing {
  readonly #store: Pick<Store, 'hasReady' | 'reserve'>;
  readonly #turns = new Recent<string, Turns>(MAX_CHOICES);

  constructor(store: Pick<Store, 'hasReady' | 'reserve'>) {
    this.#store = store;
  }

  /**
   * As {@link Store.reserve}, but whose turn it is among the queues that have something is decided by their weights.
   * @throws what the store throws, unless something was reserved before
   */
  async reserve(choice: Choice, consumers: readonly string[], maxBytes: number): Promise<Dealt[]> {
    const { queues } = choice;
    const turns = this.#turnsOf(choice);
    const dealt = new Map<number, Reserved>();
    const open = queues.map(() => true);
    let cards = [...consumers.keys()];
    try {
      while (cards.length > 0) {
        for (const [n, queue] of queues.entries())
          open[n] = open[n] === true && (await this.#store.hasReady([queue]));
        const plan = turns.plan(open, cards.length);
        if (plan.length === 0) break;
        const took = [...open];
        for (const which of new Set(plan)) {
          const wanted = cards.filter((_, n) => plan[n] === which);
          const left = maxBytes - bytesOf([...dealt.values()]);
          if (left <= 0) break;
          const keys = wanted.map((card) => consumers[card] as string);
          const got = await this.#store.reserve([queues[which] as string], keys, left);
          for (const [n, message] of got.entries()) {
            dealt.set(wanted[n] as number, message);
            turns.take(which, took);
          }
          // Nothing is left there, or it would be too much: in this round no more comes from it.
          if (got.length < wanted.length) open[which] = false;
        }
        cards = cards.filter((card) => !dealt.has(card));
        if (bytesOf([...dealt.values()]) >= maxBytes) break;
      }
    } catch (error) {
      if (dealt.size === 0) throw error; // what there is goes out; who asks again hears of the error
    }
    return [...dealt].sort(([a], [b]) => a - b);
  }

  #turnsOf({ queues, weights = [] }: Choice): Turns {
    const name = `${queues.join()} ${weights.join()}`;
    const known = this.#turns.get(name);
    if (known) return known;
    const turns = new Turns(weights);
    this.#turns.set(name, turns);
    return turns;
  }
}
