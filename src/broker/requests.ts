import { Reason } from '../codec/reason.ts';
import { Exit, SigmqError } from '../errors.ts';
import type { Endpoint } from '../link/endpoint.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import type { Sender } from '../link/inbound.ts';
import { type Note, replyFrame } from '../link/request.ts';
import { isQueueName, MAX_QUEUES } from '../options/kinds.ts';
import {
  DEFAULT_PEEK,
  type Inspection,
  type Selection,
  STATES,
  type State,
} from '../queue/store.ts';

/** Bytes of a reply: some 10 s on the wire at worst, and below what a client takes. */
const MAX_REPLY_BYTES = 1 << 20;
/** Each takes more than 100 bytes of a reply, so that no more of them can be told. */
const MAX_PEEK = 10_000;
/** Requests of one process at once; ours ask for one thing at a time. */
const MAX_PENDING_OF_ONE = 4;
/** Requests at once: each can take a second when the one who asked does not listen. */
const MAX_PENDING = 64;

/** What is asked of the broker beside what the store knows. */
export interface BrokerAnswers {
  status(): Promise<unknown>;
  /** Messages that this consumer could get from these queues now, or holds. */
  waiting(sender: Sender, queues: ReadonlySet<unknown>): Promise<number>;
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
  /** The PIDs whose requests are not answered yet; a PID for each request. */
  #pending: readonly number[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** @returns `full` when too much is asked at once */
  take(sender: Sender, request: Note): Verdict {
    const { pid } = sender;
    const own = this.#pending.filter((other) => other === pid).length;
    if (this.#pending.length >= MAX_PENDING || own >= MAX_PENDING_OF_ONE) return Reason.Full;
    this.#pending = [...this.#pending, pid];
    this.#last = this.#last
      .then(() => this.#answer(sender, request))
      .catch(this.#options.onError)
      .then(() => {
        this.#pending = this.#pending.toSpliced(this.#pending.indexOf(pid), 1);
      });
    return 0;
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
      return { ok: await this.#do(sender, content) };
    } catch (error) {
      if (error instanceof SigmqError) return { error: `${error.message} ${error.hint}` };
      throw error;
    }
  }

  async #do(sender: Sender, content: unknown): Promise<unknown> {
    const { inspection, broker, onChange } = this.#options;
    const { op, paused, queues } = (content ?? {}) as Record<string, unknown>;
    switch (op) {
      case 'status':
        return broker.status();
      case 'waiting':
        return broker.waiting(sender, queuesOf(queues));
      case 'ids':
        return broker.lastIds(sender);
      case 'drain':
        return broker.drain();
      case 'stop':
        return broker.stop();
      case 'counts':
        return inspection.counts();
      case 'peek':
        return this.#peek(queueOf(content), selectionOf(content));
      case 'purge':
        return inspection.purge(queueOf(content), selectionOf(content));
      case 'kick': {
        const count = await inspection.kick(queueOf(content), selectionOf(content));
        onChange();
        return count;
      }
      case 'pause':
        if (typeof paused !== 'boolean') throw badRequest('paused');
        await inspection.pause(queueOf(content), paused);
        onChange();
        return null;
      default:
        throw unknownRequest(op);
    }
  }

  async #peek(queue: string, selection: Selection): Promise<unknown> {
    const { limit = DEFAULT_PEEK } = selection;
    // What would not fit into the reply need not be read into memory either.
    const bounds = { limit: Math.min(limit, MAX_PEEK), maxBytes: MAX_REPLY_BYTES };
    const found = await this.#options.inspection.peek(queue, { ...selection, ...bounds });
    return found.map((message) => ({
      ...message,
      body: Buffer.from(message.body).toString('base64'),
    }));
  }
}

function queueOf(content: unknown): string {
  const { queue } = content as { queue?: unknown };
  if (typeof queue !== 'string' || !isQueueName(queue)) throw badRequest('queue');
  return queue;
}

function queuesOf(queues: unknown): Set<unknown> {
  if (!Array.isArray(queues)) throw badRequest('queues');
  return new Set(queues.slice(0, MAX_QUEUES));
}

/** What cannot be understood is refused: without it a request to remove one message would mean all. */
function selectionOf(content: unknown): Selection {
  const { state, id, limit, fromByte, maxBody } = content as Record<string, unknown>;
  const { ids = id === undefined ? undefined : [id] } = content as { ids?: unknown };
  if (state !== undefined && !STATES.includes(state as State)) throw badRequest('state');
  return {
    ...(state === undefined ? {} : { state: state as State }),
    ...(ids === undefined ? {} : { ids: idsOf(ids) }),
    ...numberOf('limit', limit),
    ...numberOf('fromByte', fromByte),
    ...numberOf('maxBody', maxBody),
  };
}

function idsOf(ids: unknown): readonly number[] {
  if (!Array.isArray(ids) || !ids.every((id) => Number.isSafeInteger(id) && id > 0))
    throw badRequest('ids');
  return ids as number[];
}

function numberOf(name: string, value: unknown): Record<string, number> {
  if (value === undefined) return {};
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw badRequest(name);
  return { [name]: value as number };
}

function badRequest(name: string): SigmqError {
  return new SigmqError(
    'bad-request',
    Exit.Usage,
    `A request has a ${name} that the broker does not understand.`,
    'It may be of another version than this command.',
  );
}

function unknownRequest(op: unknown): SigmqError {
  const name = typeof op === 'string' ? JSON.stringify(op.slice(0, 40)) : 'without a name';
  return new SigmqError(
    'unknown-request',
    Exit.Usage,
    `The broker does not know the request ${name}.`,
    'It may be of another version than this command.',
  );
}
