import type { Entry } from '../codec/batch.ts';
import type { BatchSize } from '../link/batch-size.ts';
import { ProducerError } from './errors.ts';
import type { Watching } from './frame-tries.ts';
import type { GroupSender } from './group-sender.ts';

/** Refusals of a frame of many that may not be meant for each of them. */
const OF_SOME: ReadonlySet<string> = new Set([
  ...['too-large', 'full', 'refused', 'plain-broker', 'zero-byte'],
]);

/** Messages that are sent together or not at all, and who waits for them. */
interface Parcel {
  readonly messages: readonly Entry[];
  readonly bytes: number;
  readonly options: Watching;
  readonly signal: AbortSignal | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What waits to be sent, in order. What waits at the same time goes into one frame, as far as it fits. */
export class Outbox {
  readonly #sender: GroupSender;
  readonly #size: BatchSize;
  readonly #waiting: Parcel[] = [];
  #isSending = false;

  constructor(sender: GroupSender, size: BatchSize) {
    this.#sender = sender;
    this.#size = size;
  }

  /**
   * Resolves when all of them are accepted.
   * @throws SigmqError, the reason of `signal`; they may or may not have arrived
   */
  async send(
    messages: readonly Entry[],
    options: Watching,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    signal?.throwIfAborted();
    let abort = () => {};
    const sent = new Promise<void>((resolve, reject) => {
      const bytes = messages.reduce((sum, entry) => sum + bytesOf(entry), 0);
      const parcel = { messages, bytes, options, signal, resolve, reject };
      abort = () => this.#withdraw(parcel);
      this.#waiting.push(parcel);
    });
    signal?.addEventListener('abort', abort);
    if (!this.#isSending) void this.#sendAll();
    try {
      await sent;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Never rejects: each parcel hears how it went. */
  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#waiting.length > 0) await this.#sendTogether(this.#next());
    this.#isSending = false;
  }

  /** As many as fit into one frame, from the first on. */
  #next(): Parcel[] {
    const together: Parcel[] = [];
    let count = 0;
    let bytes = 0;
    for (const parcel of this.#waiting) {
      count += parcel.messages.length;
      bytes += parcel.bytes;
      const isFull = count > this.#size.messages || bytes > this.#size.bytes;
      if (together.length > 0 && (isFull || isWatched(parcel) || !this.#sender.takesBatches()))
        break;
      together.push(parcel);
      if (isWatched(parcel)) break;
    }
    this.#waiting.splice(0, together.length);
    return together;
  }

  async #sendTogether(parcels: readonly Parcel[]): Promise<void> {
    const [only] = parcels;
    if (parcels.length === 1 && only) return this.#sendOne(only);
    const wanted = new Wanted(parcels);
    try {
      const messages = parcels.flatMap(({ messages }) => messages);
      await this.#sender.send(messages, { timeoutMs: longest(parcels) }, wanted.signal);
      for (const { resolve } of parcels) resolve();
    } catch (error) {
      // What may be stored must not be sent under another number.
      const isSure = error instanceof ProducerError && !error.mayBeStored;
      const isOfSome = isSure && OF_SOME.has(error.code);
      if (isOfSome) for (const parcel of parcels) await this.#sendOne(parcel);
      else for (const { reject } of parcels) reject(error);
    } finally {
      wanted.end();
    }
  }

  async #sendOne({ messages, options, signal, resolve, reject }: Parcel): Promise<void> {
    try {
      signal?.throwIfAborted();
      await this.#sender.send(messages, options, signal);
      resolve();
    } catch (error) {
      reject(error);
    }
  }

  /** It waits no longer. One that is under way may arrive all the same. */
  #withdraw(parcel: Parcel): void {
    const at = this.#waiting.indexOf(parcel);
    if (at >= 0) this.#waiting.splice(at, 1);
    parcel.reject(parcel.signal?.reason);
  }
}

/** Of what takes room in a frame. */
function bytesOf({ body, fields: { headers = [] } }: Entry): number {
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length, body.length);
}

/** Undefined if one of them has no limit; ms. */
function longest(parcels: readonly Parcel[]): number | undefined {
  return parcels.reduce<number | undefined>((most, { options: { timeoutMs } }) => {
    return most === undefined || timeoutMs === undefined ? undefined : Math.max(most, timeoutMs);
  }, 0);
}

/** Somebody wants to see how it goes: it goes alone. */
function isWatched({ options }: Parcel): boolean {
  return options.onProgress !== undefined || options.onFrame !== undefined;
}

/** Aborts when nobody waits for any of the parcels any more. */
class Wanted {
  readonly #controller = new AbortController();
  readonly #parcels: readonly Parcel[];

  constructor(parcels: readonly Parcel[]) {
    this.#parcels = parcels;
    for (const { signal } of parcels) signal?.addEventListener('abort', this.#look);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    for (const { signal } of this.#parcels) signal?.removeEventListener('abort', this.#look);
  }

  readonly #look = (): void => {
    if (this.#parcels.every(({ signal }) => signal?.aborted)) {
      this.#controller.abort(this.#parcels[0]?.signal?.reason);
    }
  };
}
