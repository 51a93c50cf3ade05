import { SigmqError } from '../errors.ts';
import type { Endpoint } from '../link/endpoint.ts';
import type { Sender } from '../link/inbound.ts';
import { type Note, replyFrame } from '../link/request.ts';
import { isQueueName } from '../queue/queue-name.ts';
import { type Inspection, type Selection, STATES, type State } from '../queue/store.ts';

/** Bytes of a reply: some 10 s on the wire at worst, and below what a client takes. */
const MAX_REPLY_BYTES = 1 << 20;

/** What is asked of the broker beside what the store knows. */
export interface BrokerAnswers {
  status(): Promise<unknown>;
  /** Messages that this consumer could get from these queues now, or holds. */
  waiting(sender: Sender, queues: readonly unknown[]): Promise<number>;
  /** Of what this producer sent last. */
  lastIds(sender: Sender): readonly number[];
  /** Takes no more messages, and stops when what it has is delivered. */
  drain(): void;
  stop(): void;
}

export interface RequestsOptions {
  readonly inspection: Inspection;
  readonly broker: BrokerAnswers;
  readonly endpoint: Endpoint;
  onError(error: unknown): void;
  /** Messages may have become ready. */
  onChange(): void;
}

/** Answers requests (docs/protocol.md, section 8), one after the other. */
export class Requests {
  readonly #options: RequestsOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  take(sender: Sender, request: Note): void {
    this.#last = this.#last.then(() => this.#answer(sender, request)).catch(this.#options.onError);
  }

  /** Resolves when what was asked so far is answered. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #answer(sender: Sender, { number, content }: Note): Promise<void> {
    const { pid, start } = sender;
    const reply = await this.#replyTo(sender, content);
    let frame = replyFrame({ number, content: reply });
    if (frame.length > MAX_REPLY_BYTES) {
      frame = replyFrame({ number, content: { error: 'The answer is too large: ask for less.' } });
    }
    await this.#options.endpoint.echo?.withBus((channel) => channel.send({ pid, start }, frame));
  }

  async #replyTo(sender: Sender, content: unknown): Promise<unknown> {
    try {
      return { ok: await this.#do(sender, content as Record<string, unknown>) };
    } catch (error) {
      if (error instanceof SigmqError) return { error: `${error.message} ${error.hint}` };
      throw error;
    }
  }

  async #do(sender: Sender, content: Record<string, unknown> | null): Promise<unknown> {
    const { inspection, broker, onChange } = this.#options;
    const queue = String(content?.queue ?? '');
    const selection = selectionOf(content);
    switch (content?.op) {
      case 'status':
        return broker.status();
      case 'waiting':
        return broker.waiting(sender, Array.isArray(content.queues) ? content.queues : []);
      case 'ids':
        return broker.lastIds(sender);
      case 'drain':
        return broker.drain();
      case 'stop':
        return broker.stop();
      case 'counts':
        return inspection.counts();
      case 'peek':
        return (await inspection.peek(queue, selection)).map((message) => ({
          ...message,
          body: Buffer.from(message.body).toString('base64'),
        }));
      case 'purge':
        return inspection.purge(queue, selection);
      case 'kick': {
        const count = await inspection.kick(queue, selection);
        onChange();
        return count;
      }
      case 'pause':
        if (!isQueueName(queue)) throw unknownRequest(content);
        await inspection.pause(queue, content.paused === true);
        onChange();
        return null;
      default:
        throw unknownRequest(content);
    }
  }
}

function selectionOf(content: Record<string, unknown> | null): Selection {
  const { state, id, limit, maxBody } = content ?? {};
  return {
    ...(STATES.includes(state as State) ? { state: state as State } : {}),
    ...numberOf('id', id),
    ...numberOf('limit', limit),
    ...numberOf('maxBody', maxBody),
  };
}

function numberOf(name: string, value: unknown): Record<string, number> {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? { [name]: value as number } : {};
}

function unknownRequest(content: unknown): SigmqError {
  return new SigmqError(
    'unknown-request',
    64,
    `The broker does not know the request ${JSON.stringify(content)?.slice(0, 80)}.`,
    'It may be of another version than this command.',
  );
}
