import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { Verb } from '../link/settlement.ts';

/** What a message is, and how often it was tried. */
export interface MessageContent {
  readonly body: Uint8Array;
  readonly id: number | undefined;
  readonly queue: string;
  readonly attempt: number;
  readonly releases: number;
  readonly headers: readonly (readonly [string, string])[];
}

/** Tells the broker what became of it, or that the work goes on. @returns whether the broker knows, and it was ours */
export type Tell = (verb: Verb) => Promise<boolean>;

/**
 * A message as its consumer sees it. It is settled once, by the first of `done`, `fail`, `release`, `reject`; each
 * resolves when the broker knows, to `false` when the message was no longer ours (it was settled before, or went to
 * another consumer) or no broker could be told (then it comes again). None of them rejects.
 */
export class Message {
  readonly body: Uint8Array;
  /** Stable over redeliveries; undefined from a plain broker. */
  readonly id: number | undefined;
  readonly queue: string;
  /** 1 for the first; grows with each failure. */
  readonly attempt: number;
  /** How often it was released before. */
  readonly releases: number;
  /** In the order in which they were sent; a name may come more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly #tell: Tell;
  #settled: Verb | undefined;

  /** @internal Consumers make them. */
  constructor(content: MessageContent, tell: Tell) {
    this.body = content.body;
    this.id = content.id;
    this.queue = content.queue;
    this.attempt = content.attempt;
    this.releases = content.releases;
    this.headers = content.headers;
    this.#tell = tell;
  }

  /** The body as text. Bytes that are not UTF-8 become U+FFFD. */
  text(): string {
    return decoder.decode(this.body);
  }

  /** The body as JSON. @throws SyntaxError */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }

  /** Whether it was settled, or is about to be. */
  get isSettled(): boolean {
    return this.#settled !== undefined;
  }

  /** The work is done: nobody gets the message again. */
  done(): Promise<boolean> {
    return this.#settle(Verb.Done);
  }

  /** The attempt has failed: the message comes again after a pause, until its attempts are used up. */
  fail(): Promise<boolean> {
    return this.#settle(Verb.Failed);
  }

  /**
   * Gives the message back without spending an attempt.
   * @param options `now`: to whom is free next, at once; otherwise after a pause, behind the others
   */
  release({ now = false }: { readonly now?: boolean } = {}): Promise<boolean> {
    return this.#settle(now ? Verb.Return : Verb.Release);
  }

  /** Nobody is to try it again: it becomes a dead letter. */
  reject(): Promise<boolean> {
    return this.#settle(Verb.Dead);
  }

  /** The work goes on: the ack-wait, if there is one, begins anew. */
  extend(): Promise<boolean> {
    return this.isSettled ? Promise.resolve(false) : this.#tell(Verb.Extend);
  }

  #settle(verb: Verb): Promise<boolean> {
    if (this.isSettled) return Promise.resolve(false);
    this.#settled = verb;
    return this.#tell(verb);
  }
}

const decoder = new TextDecoder();

/** From a plain broker, which asks for no settlement. */
export function plainMessage(body: Uint8Array): Message {
  const content = {
    body,
    id: undefined,
    queue: DEFAULT_QUEUE,
    attempt: 1,
    releases: 0,
    headers: [],
  };
  return new Message(content, async (verb) => verb === Verb.Done);
}
