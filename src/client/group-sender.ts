import type { Entry } from '../codec/batch.ts';
import { acceptsOf } from '../link/messages.ts';
import { inspectBroker } from '../registry/broker-file.ts';
import { FrameTries, type SendingTo, type Watching } from './frame-tries.ts';

/** Sends groups of messages, each in one frame, if the broker takes more than one message a frame. */
export class GroupSender {
  readonly #to: SendingTo;

  constructor(to: SendingTo) {
    this.#to = to;
  }

  /**
   * Resolves when the whole group is accepted.
   * @throws SigmqError, the reason of `signal`; the group may or may not have arrived
   */
  async send(
    messages: readonly Entry[],
    options: Watching,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const isOne = messages.length === 1 || this.takesBatches();
    for (const some of isOne ? [messages] : messages.map((message) => [message])) {
      await this.#to.endpoint.numbered(
        (numbers) => new FrameTries(this.#to, some, options, numbers, signal).run(),
        signal,
      );
    }
  }

  /** The broker of this moment; a plain one takes messages one after the other in one hold of the bus. */
  takesBatches(): boolean {
    const { dir, table } = this.#to;
    const found = inspectBroker(dir, table);
    return !found.ok || found.kind === 'plain' || acceptsOf(found.accepts).batch;
  }
}
