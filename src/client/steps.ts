import { MAX_CHANGES, MAX_QUEUES_TOLD, MAX_ROWS } from '../link/request.ts';
import type { BodyPart, Changed, Selection, Stored } from '../queue/inspection.ts';
import { chunks, messagesOf, wholeOf } from '../queue/paged-peek.ts';
import type { Requester } from './requester.ts';

/** A message as the broker describes it. */
type Told = Omit<Stored, 'body'> & { readonly body?: string; readonly text?: string };

/** Asks for what no single reply can hold, in steps, between which the broker has time for others. */
export class Steps {
  readonly #requester: Pick<Requester, 'ask'>;

  constructor(requester: Pick<Requester, 'ask'>) {
    this.#requester = requester;
  }

  /** Something about each queue. */
  async queues<T extends { readonly queue: string }>(
    request: object,
    signal: AbortSignal | undefined,
  ): Promise<T[]> {
    const queues: T[] = [];
    for (;;) {
      const after = queues.at(-1)?.queue ?? '';
      const limit = MAX_QUEUES_TOLD;
      const page = await this.#requester.ask<T[]>({ ...request, after, limit }, signal);
      queues.push(...page);
      if (page.length < limit) return queues;
    }
  }

  async peek(
    queue: string,
    selection: Selection,
    signal: AbortSignal | undefined,
  ): Promise<Stored[]> {
    const found: Stored[] = [];
    const messages = messagesOf({ peek: this.#peeking(signal) }, queue, selection);
    for await (const message of messages) found.push(message);
    return found;
  }

  async find(
    id: number,
    part: BodyPart,
    signal: AbortSignal | undefined,
  ): Promise<Stored | undefined> {
    const told = await this.#requester.ask<Told | null>({ op: 'find', id, ...part }, signal);
    if (told === null) return undefined;
    const message = storedOf(told);
    return wholeOf({ peek: this.#peeking(signal) }, message.queue, message, part);
  }

  /** @returns what became of each, in their order */
  async each(
    request: object,
    ids: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<Changed[]> {
    const changed: Changed[] = [];
    for (const some of chunks(ids, MAX_ROWS)) {
      changed.push(...(await this.#requester.ask<Changed[]>({ ...request, ids: some }, signal)));
    }
    return changed;
  }

  /** @returns how many */
  async change(
    request: object,
    { ids, limit = Number.POSITIVE_INFINITY }: Selection,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let changed = 0;
    for (const some of ids ? chunks(ids, MAX_ROWS) : [undefined]) {
      for (;;) {
        const rows = Math.min(limit - changed, MAX_CHANGES);
        const step = { ...request, ...(some && { ids: some }), limit: rows };
        const last = rows > 0 ? await this.#requester.ask<number>(step, signal) : 0;
        changed += last;
        if (last < MAX_CHANGES) break;
      }
    }
    return changed;
  }

  /** As much as one reply can hold. */
  #peeking(signal: AbortSignal | undefined) {
    return async (queue: string, selection: Selection = {}): Promise<Stored[]> => {
      const request = { op: 'peek', queue, ...selection };
      return (await this.#requester.ask<Told[]>(request, signal)).map(storedOf);
    };
  }
}

function storedOf({ text, body = '', ...message }: Told): Stored {
  return {
    ...message,
    body: text === undefined ? Buffer.from(body, 'base64') : Buffer.from(text),
  };
}
