import { Reason } from '../codec/reason.ts';
import type { SigmqError } from '../errors.ts';
import { type Packed, unpack } from '../link/brotli.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Part } from '../link/request.ts';
import type { EchoTarget } from '../link/transfer.ts';
import { isRunning, isStopped, type ProcessTable } from '../registry/process-info.ts';
import { Assembly } from './assembly.ts';
import { producerErrors } from './errors.ts';

/** How long to wait for the next part of the answer: the bus, and the broker, may be busy; ms. */
const REPLY_PATIENCE_MS = 30_000;
/** How often to check that the broker that was asked is still alive; ms. */
const BROKER_LOOK_MS = 500;

/** The reply to one request, until it has arrived or it is clear that it will not. */
export class AwaitedReply {
  /** @throws SigmqError no-answer, broker-stopped, broker-gone, bad-answer */
  readonly content: Promise<unknown>;
  readonly #assembly = new Assembly();
  readonly #given = new AbortController();
  #resolve: (content: unknown) => void = () => {};
  #patience: NodeJS.Timeout | undefined;
  #noAnswer: () => SigmqError = producerErrors.noAnswer;
  #look: NodeJS.Timeout | undefined;
  readonly #asker: AbortSignal | undefined;
  readonly #onAborted = () => this.#given.abort(this.#asker?.reason);

  /** @param asker aborts when nobody wants the answer any more */
  constructor(asker?: AbortSignal) {
    this.#asker = asker;
    asker?.addEventListener('abort', this.#onAborted);
    this.content = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.signal.addEventListener('abort', () => reject(this.signal.reason));
    });
    this.#waitOn();
  }

  /** Aborts, with the reason, when the reply will not come. */
  get signal(): AbortSignal {
    return this.#given.signal;
  }

  /** The whole reply. */
  take(content: unknown): void {
    this.#resolve(content);
  }

  takePart(part: Part): Verdict {
    const verdict = this.#assembly.add(part);
    if (verdict === Reason.TooLarge) this.#given.abort(producerErrors.badAnswer());
    if (verdict !== 0) return verdict;
    this.#waitOn();
    const { whole } = this.#assembly;
    if (whole) void this.#open(whole);
    return 0;
  }

  /** A broker that has ended will not answer. */
  watch({ pid, start }: EchoTarget, table: ProcessTable): void {
    this.#noAnswer = () =>
      isStopped(table.read(pid)) ? producerErrors.brokerStopped(pid) : producerErrors.noAnswer();
    this.#look = setInterval(() => {
      if (!isRunning(table.read(pid), start)) this.#given.abort(producerErrors.brokerGone());
    }, BROKER_LOOK_MS);
  }

  giveUp(why: unknown): void {
    this.#given.abort(why);
  }

  /** Nobody waits for it any more. */
  end(): void {
    clearTimeout(this.#patience);
    clearInterval(this.#look);
    this.#asker?.removeEventListener('abort', this.#onAborted);
  }

  #waitOn(): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#given.abort(this.#noAnswer()), REPLY_PATIENCE_MS);
  }

  async #open(whole: Packed): Promise<void> {
    try {
      this.#resolve(JSON.parse(Buffer.from(await unpack(whole)).toString()));
    } catch (error) {
      this.#given.abort(producerErrors.badAnswer(error));
    }
  }
}
