import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { Verb } from '../link/settlement.ts';
import { reasonText } from '../queue/failure.ts';

/** What a message contains, and how often it was tried. */
export type MessageContent = Pick<
  Message,
  'body' | 'id' | 'queue' | 'attempt' | 'releases' | 'headers'
>;

/**
 * Tells the broker how the message ended, and why, or that the work goes on. @returns whether the broker knows, and it was
 * ours
 */
export type Tell = (verb: Verb, reason?: string) => Promise<boolean>;

/**
 * A message as its consumer sees it. It is settled once, by the first of `done`, `fail`, `release`, `reject`; each
 * resolves when the broker knows, to `false` if the message was no longer ours (it was settled before, or went to
 * another consumer) or if no broker could be told (then it is delivered again). None of them rejects.
 */
export interface Message {
  readonly body: Uint8Array;
  /** Stays the same when the message is redelivered; undefined from a plain broker. */
  readonly id: number | undefined;
  readonly queue: string;
  /** 1 for the first; grows with each failure. */
  readonly attempt: number;
  /** How often it was released before. */
  readonly releases: number;
  /** In the order in which they were sent; a name may occur more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whether it was settled, or is about to be. */
  readonly isSettled: boolean;
  /** The body as text. Bytes that are not UTF-8 become U+FFFD. */
  text(): string;
  /** The body as JSON. @throws SyntaxError */
  json<T = unknown>(): T;
  /** The work is done: nobody gets the message again. */
  done(): Promise<boolean>;
  /**
   * The attempt has failed: the message is delivered again after a pause, until its attempts are used up.
   * @param reason for people: kept with the message, its first 1280 bytes, and shown by `sigmq dead show`
   */
  fail(reason?: string): Promise<boolean>;
  /**
   * Gives the message back without spending an attempt.
   * @param options `now`: at once, to the next consumer that is free; otherwise after a pause, behind the others
   */
  release(options?: { readonly now?: boolean | undefined }): Promise<boolean>;
  /** Nobody should try it again: it becomes a dead letter. @param reason as for {@link fail} */
  reject(reason?: string): Promise<boolean>;
  /** The work goes on: the ack-wait, if there is one, starts again. */
  extend(): Promise<boolean>;
}

export class DeliveredMessage implements Message {
  readonly body: Uint8Array;
  readonly id: number | undefined;
  readonly queue: string;
  readonly attempt: number;
  readonly releases: number;
  readonly headers: MessageContent['headers'];
  readonly #tell: Tell;
  #settled: Verb | undefined;

  constructor(content: MessageContent, tell: Tell) {
    this.body = content.body;
    this.id = content.id;
    this.queue = content.queue;
    this.attempt = content.attempt;
    this.releases = content.releases;
    this.headers = content.headers;
    this.#tell = tell;
  }

  get isSettled(): boolean {
    return this.#settled !== undefined;
  }

  text(): string {
    return decoder.decode(this.body);
  }

  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }

  done(): Promise<boolean> {
    return this.#settle(Verb.Done);
  }

  fail(reason?: string): Promise<boolean> {
    return this.#settle(Verb.Failed, reason);
  }

  release({ now = false }: { readonly now?: boolean | undefined } = {}): Promise<boolean> {
    return this.#settle(now ? Verb.Return : Verb.Release);
  }

  reject(reason?: string): Promise<boolean> {
    return this.#settle(Verb.Dead, reason);
  }

  extend(): Promise<boolean> {
    return this.isSettled ? Promise.resolve(false) : this.#tell(Verb.Extend);
  }

  #settle(verb: Verb, reason?: string): Promise<boolean> {
    if (this.isSettled) return Promise.resolve(false);
    this.#settled = verb;
    // Half of a surrogate pair, or too much, would keep the settlement from being sent.
    return this.#tell(verb, reason === undefined ? undefined : reasonText(String(reason)));
  }
}

const decoder = new TextDecoder();

/** From a plain broker, which expects no settlement. */
export function plainMessage(body: Uint8Array): Message {
  const content = {
    body,
    id: undefined,
    queue: DEFAULT_QUEUE,
    attempt: 1,
    releases: 0,
    headers: [],
  };
  return new DeliveredMessage(content, async (verb) => verb === Verb.Done);
}
