import { Verb } from '../link/settlement.ts';
import type { Name } from './handled.ts';
import { DeliveredMessage, type Message, type MessageContent } from './message.ts';
import type { Settler } from './settler.ts';

/** A message that is given to whoever works on it, while its delivery is not answered yet. */
export class Handover {
  readonly name: Name;
  readonly message: Message;
  /** How it was settled by now, and why. */
  early: Verb | undefined;
  reason: string | undefined;
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
    this.message = new DeliveredMessage(content, (verb, reason) => this.#tell(verb, reason));
  }

  #tell(verb: Verb, reason: string | undefined): Promise<boolean> {
    if (verb === Verb.Extend) {
      return this.#isAnswered ? this.#settler.extend(this.name) : Promise.resolve(true);
    }
    if (this.#isAnswered) this.#settled(this.#settler.settle(this.name, verb, reason));
    else {
      this.early = verb;
      this.reason = reason;
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
    const { early, reason } = this;
    if (early !== undefined) this.#settled(this.#settler.settle(this.name, early, reason));
  }
}
