import { type Told, Verb } from '../link/settlement.ts';
import type { Name } from './handled.ts';
import { DeliveredMessage, type Message, type MessageContent } from './message.ts';
import type { Settler } from './settler.ts';

/** A message that is given to whoever works on it, while its delivery is not answered yet. */
export class Handover {
  readonly name: Name;
  readonly message: Message;
  /** How it was settled by now, and why. */
  early: Verb | undefined;
  told: Told | undefined;
  readonly #settler: Settler;
  readonly #inHand: Promise<boolean>;
  #settled: (isKnown: boolean | Promise<boolean>) => void = () => {};
  #isAnswered = false;

  constructor(name: Name, content: MessageContent, settler: Settler) {
    this.name = name;
    this.#settler = settler;
    this.#inHand = new Promise((resolve) => {
      this.#settled = resolve;
    });
    this.message = new DeliveredMessage(
      content,
      (verb, told) => this.#tell(verb, told),
      () => settler.maxReplyBytes,
    );
  }

  #tell(verb: Verb, told?: Told): Promise<boolean> {
    if (verb === Verb.Extend) {
      return this.#isAnswered ? this.#settler.extend(this.name) : Promise.resolve(true);
    }
    if (this.#isAnswered) this.#settled(this.#settler.settle(this.name, verb, told));
    else {
      this.early = verb;
      this.told = told;
    }
    return this.#inHand;
  }

  /** The answer says how it was settled. */
  answered(): void {
    this.#isAnswered = true;
    this.#settled(true);
  }

  /** The answer says that a settlement follows. */
  postponed(): void {
    this.#isAnswered = true;
    this.#settler.keep(this.#inHand);
    if (this.early !== undefined) {
      this.#settled(this.#settler.settle(this.name, this.early, this.told));
    }
  }
}
