import { Reason } from '../codec/reason.ts';
import { type Answer, decodeAnswer } from '../link/answer.ts';
import { type Packed, unpack } from '../link/brotli.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Part } from '../link/request.ts';
import { Assembly } from './assembly.ts';
import { producerErrors } from './errors.ts';

/** What becomes of one message that was asked, until it is known. */
export class AwaitedAnswer {
  /** @throws what it was given up with */
  readonly content: Promise<Answer>;
  #assembly = new Assembly();
  #isWhole = false;
  #resolve: (answer: Answer) => void = () => {};
  #reject: (why: unknown) => void = () => {};

  constructor() {
    this.content = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.content.catch(() => {}); // it may be given up before anybody waits for it
  }

  /** All of it is here. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  takePart(part: Part): Verdict {
    // Another broker begins again, and need not pack and cut it as the one before did.
    if (part.offset === 0 && !this.#isWhole) this.#assembly = new Assembly();
    const verdict = this.#assembly.add(part);
    if (verdict === Reason.TooLarge) this.giveUp(producerErrors.badAnswer());
    if (verdict !== 0) return verdict;
    const { whole } = this.#assembly;
    if (whole && !this.#isWhole) {
      this.#isWhole = true;
      void this.#open(whole);
    }
    return 0;
  }

  giveUp(why: unknown): void {
    this.#reject(why);
  }

  async #open(whole: Packed): Promise<void> {
    try {
      const answer = decodeAnswer(await unpack(whole));
      if (answer) this.#resolve(answer);
      else this.giveUp(producerErrors.badAnswer());
    } catch (error) {
      this.giveUp(producerErrors.badAnswer(error));
    }
  }
}
