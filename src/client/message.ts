import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { MAX_ANSWER_BODY_BYTES } from '../link/answer.ts';
import { type Told, Verb } from '../link/settlement.ts';
import { checkNamed } from '../options/kind.ts';
import { body as bodyKind } from '../options/kinds.ts';
import { exitCode as exitCodeKind } from '../options/values.ts';
import { reasonText } from '../queue/failure.ts';
import { producerErrors } from './errors.ts';

/** What a message contains, and how often it was tried. */
export type MessageContent = Pick<
  Message,
  'body' | 'id' | 'queue' | 'attempt' | 'releases' | 'headers' | 'isAsked'
>;

/**
 * Tells the broker how the message ended, or that the work goes on.
 * @param told why, and what is for who asked
 * @returns whether the broker knows, and it was ours
 */
export type Tell = (verb: Verb, told?: Told) => Promise<boolean>;

/** How the work ended, for whoever asked. */
export interface EndingOptions {
  /** With which `sigmq ask` ends, 0 to 255; default: 0 for a reply, else not known. */
  readonly exitCode?: number | undefined;
}

/**
 * A message as its consumer sees it. It is settled once, by the first of `done`, `reply`, `fail`, `release`, `reject`; each
 * resolves when the broker knows, to `false` if the message was no longer ours (it was settled before, or went to
 * another consumer) or if no broker could be told (then it is delivered again). None of them rejects, but for an
 * argument that cannot be (OptionError): then it is not settled.
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
  /** Whether its sender waits for a reply (`producer.ask()`, `sigmq ask`). */
  readonly isAsked: boolean;
  /** Whether it was settled, or is about to be. */
  readonly isSettled: boolean;
  /** The body as text. Bytes that are not UTF-8 become U+FFFD. */
  text(): string;
  /** The body as JSON. @throws SyntaxError */
  json<T = unknown>(): T;
  /** The work is done: nobody gets the message again. */
  done(): Promise<boolean>;
  /**
   * The work is done, and this is the reply to whoever asked; if nobody did, the same as `done`. The broker keeps it
   * until it has arrived, or nobody waits for it any more.
   * @param body up to what the broker accepts as a message; may be empty
   * @throws OptionError; SigmqError too-large: the message is not settled then
   */
  reply(body: string | Uint8Array, options?: EndingOptions): Promise<boolean>;
  /**
   * The attempt has failed: the message is delivered again after a pause, until its attempts are used up. Whoever
   * asked is told only then.
   * @param reason for people: kept with the message, its first 1280 bytes, and shown by `sigmq dead show`
   */
  fail(reason?: string, options?: EndingOptions): Promise<boolean>;
  /**
   * Gives the message back without spending an attempt.
   * @param options `now`: at once, to the next consumer that is free; otherwise after a pause, behind the others
   */
  release(options?: { readonly now?: boolean | undefined } & EndingOptions): Promise<boolean>;
  /** Nobody should try it again: it becomes a dead letter. @param reason as for {@link fail} */
  reject(reason?: string, options?: EndingOptions): Promise<boolean>;
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
  readonly isAsked: boolean;
  readonly #tell: Tell;
  readonly #maxReplyBytes: () => number;
  #settled: Verb | undefined;

  constructor(
    content: MessageContent,
    tell: Tell,
    maxReplyBytes: () => number = () => MAX_ANSWER_BODY_BYTES,
  ) {
    this.body = content.body;
    this.id = content.id;
    this.queue = content.queue;
    this.attempt = content.attempt;
    this.releases = content.releases;
    this.headers = content.headers;
    this.isAsked = content.isAsked;
    this.#tell = tell;
    this.#maxReplyBytes = maxReplyBytes;
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

  async reply(body: string | Uint8Array, { exitCode = 0 }: EndingOptions = {}): Promise<boolean> {
    checkNamed('reply', body, bodyKind);
    const reply = typeof body === 'string' ? Buffer.from(body) : new Uint8Array(body);
    const max = this.#maxReplyBytes();
    if (reply.length > max) throw producerErrors.replyTooLarge(reply.length, max);
    return this.#settle(Verb.Done, { exitCode, reply });
  }

  fail(reason?: string, options?: EndingOptions): Promise<boolean> {
    return this.#settle(Verb.Failed, { ...options, reason });
  }

  release({
    now = false,
    ...options
  }: { readonly now?: boolean | undefined } & EndingOptions = {}): Promise<boolean> {
    return this.#settle(now ? Verb.Return : Verb.Release, options);
  }

  reject(reason?: string, options?: EndingOptions): Promise<boolean> {
    return this.#settle(Verb.Dead, { ...options, reason });
  }

  extend(): Promise<boolean> {
    return this.isSettled ? Promise.resolve(false) : this.#tell(Verb.Extend);
  }

  async #settle(verb: Verb, { reason, ...told }: Told = {}): Promise<boolean> {
    // What cannot be sent would be tried for ever, and keep all that comes after it from being told.
    if (told.exitCode !== undefined) checkNamed('exitCode', told.exitCode, exitCodeKind);
    const why = reason === undefined ? {} : { reason: reasonText(String(reason)) };
    if (this.isSettled) return false;
    this.#settled = verb;
    const isWanted = this.isAsked && told.exitCode !== undefined;
    if (reason === undefined) return isWanted ? this.#tell(verb, told) : this.#tell(verb);
    return this.#tell(verb, { ...(isWanted ? told : {}), ...why });
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
    isAsked: false,
  };
  return new DeliveredMessage(content, async (verb) => verb === Verb.Done);
}
