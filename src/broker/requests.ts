import { Reason } from '../codec/reason.ts';
import { textOf } from '../codec/utf8.ts';
import { SigmqError } from '../errors.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import {
  MAX_CHANGES,
  MAX_PEEK_BYTES,
  MAX_QUEUES_TOLD,
  MAX_ROWS,
  type Note,
} from '../link/request.ts';
import { storeErrors } from '../queue/errors.ts';
import type { Inspection, Selection, Stored } from '../queue/inspection.ts';
import type { Published } from '../queue/message.ts';
import type { QueueChange, QueueSettings } from '../queue/queue-settings.ts';
import { wholeCharacters } from '../queue/text.ts';
import { Serial } from '../serial.ts';
import type { Groups } from './groups.ts';
import type { Journal } from './journal.ts';
import type { Peer } from './peer.ts';
import type { Replies } from './replies.ts';
import {
  askOf,
  changeOf,
  editOf,
  fieldsOf,
  flagOf,
  foundOf,
  groupOf,
  groupsOf,
  kickedOf,
  pageOf,
  queueOf,
  queuesOf,
  removedOf,
  selectionOf,
  sinceOf,
  unknownRequest,
} from './request-fields.ts';

/** Pending requests per process; ours ask for one thing at a time. */
const MAX_PENDING_OF_ONE = 4;
/** Pending requests in total: each can take a second if the process that asked does not listen. */
const MAX_PENDING = 64;

/** What the broker is asked beyond what the store knows. */
export interface BrokerAnswers {
  status(): Promise<unknown>;
  /** Queues by name, starting after this one. */
  queues(after: string, limit: number): Promise<unknown>;
  /** The numbers of queues by name, starting after this one. */
  metrics(after: string, limit: number): Promise<unknown>;
  /** What has changed since somebody who watches asked last. */
  changes(since: number): Promise<unknown>;
  /** Messages that this consumer could get from these queues now, or holds. */
  waiting(peer: Peer, queues: ReadonlySet<unknown>): Promise<number>;
  /** What became of what this producer sent last. */
  lastSent(peer: Peer): readonly Published[];
  /** How far what this process has asked is. */
  asked(peer: Peer, number: number, queue: string): Promise<unknown>;
  /**
   * Accepts no more messages, and stops when those it has are delivered.
   * @param paused including what is in paused queues
   */
  drain(paused: boolean): Promise<unknown>;
  /** Accepts messages again. @returns whether there was a drain to cancel */
  cancelDrain(): boolean;
  stop(): void;
}

export interface RequestsOptions {
  readonly inspection: Inspection;
  readonly broker: BrokerAnswers;
  readonly groups: Pick<Groups, 'join' | 'remove'>;
  readonly replies: Replies;
  readonly journal: Pick<Journal, 'error' | 'changed'>;
}

/**
 * Answers requests (docs/protocol.md, section 8): those from one process in order, those from several processes
 * concurrently. Each is bounded, and to get more one asks again, so nothing takes long here.
 */
export class Requests {
  readonly #options: RequestsOptions;
  /** Processes that have asked something and not been answered: how much, and the answers in their order. */
  readonly #pending = new Map<number, { count: number; readonly turns: Serial }>();
  #count = 0;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** @returns `full` if too much is asked at once */
  take(peer: Peer, request: Note): Verdict {
    const { pid } = peer;
    const pending = this.#pending.get(pid) ?? { count: 0, turns: new Serial() };
    if (this.#count >= MAX_PENDING || pending.count >= MAX_PENDING_OF_ONE) return Reason.Full;
    this.#count++;
    pending.count++;
    this.#pending.set(pid, pending);
    void pending.turns.add(() => this.#answer(peer, request));
    return 0;
  }

  /** Resolves when everything asked so far is answered. */
  async settled(): Promise<void> {
    await Promise.all([...this.#pending.values()].map(({ turns }) => turns.ended));
  }

  #onAnswered(pid: number): void {
    this.#count--;
    const pending = this.#pending.get(pid);
    if (!pending) return;
    pending.count--;
    if (pending.count === 0) this.#pending.delete(pid);
  }

  async #answer(peer: Peer, { number, content }: Note): Promise<void> {
    try {
      await this.#options.replies.send(peer, number, await this.#replyTo(peer, content));
    } catch (error) {
      this.#options.journal.error(error);
    } finally {
      this.#onAnswered(peer.pid);
    }
  }

  async #replyTo(peer: Peer, content: unknown): Promise<unknown> {
    try {
      return { ok: await this.#do(peer, content) };
    } catch (error) {
      if (error instanceof SigmqError)
        return { error: `${error.message} ${error.hint}`, exit: error.exitCode };
      throw error;
    }
  }

  async #do(peer: Peer, content: unknown): Promise<unknown> {
    const { inspection, broker, groups } = this.#options;
    const fields = fieldsOf(content);
    switch (fields.op) {
      case 'status':
        return broker.status();
      case 'queues': {
        const { after, limit = MAX_QUEUES_TOLD } = pageOf(fields);
        return broker.queues(after, Math.min(limit, MAX_QUEUES_TOLD));
      }
      case 'metrics': {
        const { after, limit = MAX_QUEUES_TOLD } = pageOf(fields);
        return broker.metrics(after, Math.min(limit, MAX_QUEUES_TOLD));
      }
      case 'changes':
        return broker.changes(sinceOf(fields));
      case 'waiting':
        return broker.waiting(peer, queuesOf(fields));
      case 'join':
        return this.#changed(groups.join(groupsOf(fields)));
      case 'ungroup':
        return this.#changed(groups.remove(groupOf(fields)));
      case 'ids':
        return broker.lastSent(peer).map(({ id }) => id);
      case 'sent':
        return broker.lastSent(peer);
      case 'asked':
        return broker.asked(peer, askOf(fields), queueOf(fields));
      case 'drain':
        return flagOf('cancel', fields, false)
          ? broker.cancelDrain()
          : broker.drain(flagOf('paused', fields, false));
      case 'stop':
        return broker.stop();
      case 'counts':
        return this.#counts(pageOf(fields));
      case 'peek':
        return this.#peek(queueOf(fields), selectionOf(fields));
      case 'find':
        return this.#find(foundOf(fields));
      case 'remove':
        return inspection.remove(removedOf(fields));
      case 'edit': {
        const { ids, edit } = editOf(fields);
        return this.#changed(inspection.edit(ids, edit));
      }
      case 'purge':
        return inspection.purge(queueOf(fields), removable(bounded(selectionOf(fields))));
      case 'kick':
        return this.#changed(inspection.kick(queueOf(fields), bounded(kickedOf(fields))));
      case 'pause':
        return this.#changed(inspection.pause(queueOf(fields), flagOf('paused', fields)));
      case 'queue':
        return this.#queue(queueOf(fields), changeOf(fields));
      default:
        throw unknownRequest(fields.op);
    }
  }

  async #changed<T>(change: Promise<T>): Promise<T | null> {
    const result = await change;
    this.#options.journal.changed();
    return result ?? null;
  }

  async #queue(queue: string, change: QueueChange | undefined): Promise<QueueSettings> {
    const { inspection } = this.#options;
    return change
      ? (this.#changed(inspection.set(queue, change)) as Promise<QueueSettings>)
      : inspection.settings(queue);
  }

  async #counts({ after, limit = MAX_QUEUES_TOLD }: ReturnType<typeof pageOf>) {
    const counts = await this.#options.inspection.counts();
    return pageAfter(counts, after, Math.min(limit, MAX_QUEUES_TOLD));
  }

  async #peek(queue: string, selection: Selection): Promise<unknown> {
    const limit = Math.min(selection.limit ?? MAX_ROWS, MAX_ROWS);
    const share = Math.floor(MAX_PEEK_BYTES / Math.max(limit, 1));
    const maxBody = Math.min(selection.maxBody ?? share, share);
    const found = await this.#options.inspection.peek(queue, { ...selection, limit, maxBody });
    return found.map((message) => peeked(message, selection.fromByte ?? 0));
  }

  async #find({ id, part }: ReturnType<typeof foundOf>): Promise<unknown> {
    const maxBody = Math.min(part.maxBody ?? MAX_PEEK_BYTES, MAX_PEEK_BYTES);
    const found = await this.#options.inspection.find(id, { ...part, maxBody });
    return found ? peeked(found, part.fromByte ?? 0) : null;
  }
}

/** The entries of a sorted list that come after a name. */
export function pageAfter<T extends { readonly queue: string }>(
  queues: readonly T[],
  after: string,
  limit: number,
): T[] {
  const first = after === '' ? 0 : queues.findIndex(({ queue }) => queue > after);
  return first === -1 ? [] : queues.slice(first, first + limit);
}

/** Of a selection that is to be changed. */
function bounded<S extends Selection>(selection: S): S {
  return { ...selection, limit: Math.min(selection.limit ?? MAX_CHANGES, MAX_CHANGES) };
}

/** Removing none of them would look as if there were none. */
function removable(selection: Selection): Selection {
  if (selection.state === 'reserved') throw storeErrors.reservedStays();
  return selection;
}

/** Text stays text, which packs well; other bytes become base64. */
function peeked({ body, ...rest }: Stored, fromByte: number): unknown {
  const isCut = fromByte + body.length < rest.bytes;
  const text = textOf(isCut ? wholeCharacters(body) : body);
  return text === undefined || (text === '' && body.length > 0)
    ? { ...rest, body: Buffer.from(body).toString('base64') }
    : { ...rest, text };
}
