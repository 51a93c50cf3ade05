import type { Failure } from './failure.ts';
import type { MessageState, QueuedMessage } from './message.ts';
import type { QueueChange, QueueSettings } from './queue-settings.ts';

/** How many messages {@link Inspection.peek} returns by default. */
export const DEFAULT_PEEK_LIMIT = 100;

export interface QueueCounts extends Readonly<Record<MessageState, number>> {
  readonly queue: string;
  /** Nothing is delivered from it until it is resumed. */
  readonly paused: boolean;
  /** What holds for it alone; absent: nothing. */
  readonly settings?: QueueSettings;
}

/** A message as shown by an inspection. */
export interface Stored extends QueuedMessage {
  readonly state: MessageState;
  readonly priority: number;
  readonly key?: string;
  /** Size of the whole body, of which `body` may be a part. */
  readonly bytes: number;
  /** When a delayed message becomes ready, ms since the epoch. */
  readonly dueAt?: number;
  /** Since when a dead one is dead, ms since the epoch. */
  readonly diedAt?: number;
  /** What it says itself of its attempts; absent: nothing. */
  readonly maxAttempts?: number;
  readonly backoffMs?: number;
  readonly deadTo?: string;
  /** Its last failures, in their order; absent: there is none, or they were not asked for (see {@link ById.find}). */
  readonly failures?: readonly Failure[];
  /** The last one, in a list; its reason may be cut. */
  readonly lastFailure?: Failure;
}

/** Characters of a reason that lists show. */
export const LISTED_REASON = 200;

export interface Selection {
  readonly state?: MessageState | undefined;
  readonly ids?: readonly number[] | undefined;
  /** Default: all. */
  readonly limit?: number | undefined;
  /** For {@link Inspection.peek}: how many messages of each state to leave out at its start; default: none. */
  readonly skip?: number | undefined;
  /** How many bytes of a body to leave out at its start; default: none. */
  readonly fromByte?: number | undefined;
  /** How many bytes of a body to return; default: all. */
  readonly maxBody?: number | undefined;
}

/** A part of a body. */
export type BodyPart = Pick<Selection, 'fromByte' | 'maxBody'>;

/** What is to be different about messages that are waiting; what is left out stays as it is. */
export interface Edit {
  readonly queue?: string | undefined;
  /** Higher is delivered first. */
  readonly priority?: number | undefined;
  /** Not delivered before this; ms from now. 0: as soon as its turn comes. */
  readonly delayMs?: number | undefined;
}

/**
 * What became of a message that was to be removed or changed.
 * `held`: not while a consumer has it. `dead`: it is not waiting. `expires`: it would expire before it is due.
 * `duplicate`: its new queue has a message with its key. `missing`: there is none with this id.
 */
export type Changed = 'done' | 'held' | 'dead' | 'expires' | 'duplicate' | 'missing';

/** Messages by their ids, whatever queue they are in. */
export interface ById {
  /** With its failures. @returns undefined: there is none with this id */
  find(id: number, part?: BodyPart): Promise<Stored | undefined>;
  /** Removes messages for good, but not those that a consumer holds. @returns what became of each, in their order */
  remove(ids: readonly number[]): Promise<Changed[]>;
  /**
   * Changes messages that are ready or delayed. One that is ready after all is last, as after any delay; otherwise its
   * place is that of its age, in another queue too.
   * @returns what became of each, in their order
   */
  edit(ids: readonly number[], edit: Edit): Promise<Changed[]>;
}

/** Inspecting what is waiting, and changing it by hand. */
export interface Inspection extends ById {
  counts(): Promise<QueueCounts[]>;
  /** Shows messages without taking them: by state, then in the order of delivery; `limit` defaults to 100. */
  peek(queue: string, selection?: Selection): Promise<Stored[]>;
  /** Removes messages for good, first ones first, but not those that a consumer holds. @returns how many */
  purge(queue: string, selection?: Selection): Promise<number>;
  /**
   * Makes dead messages ready, behind those that are waiting, with all their attempts restored; they no longer
   * expire, and lose their key if another message has it by now.
   * @returns how many
   */
  kick(queue: string, selection?: Kicked): Promise<number>;
  /** Stops deliveries from a queue, and from its groups, or lets them continue; the queue still accepts messages. */
  pause(queue: string, paused: boolean): Promise<void>;
  /**
   * Removes a group of a queue for good, and all of its messages: also what its consumers hold, of which nobody
   * will learn how it ended.
   * @param name of the group, with its queue: `mail@audit`
   * @returns how many messages
   * @throws SigmqError no-group
   */
  removeGroup(name: string): Promise<number>;
  /** What holds for this queue alone. */
  settings(queue: string): Promise<QueueSettings>;
  /** Changes that. @returns what holds now @throws OptionError its dead messages would come back to it */
  set(queue: string, change: QueueChange): Promise<QueueSettings>;
}

/** Dead messages that are to be ready again. */
export interface Kicked extends Pick<Selection, 'ids' | 'limit'> {
  /** In this queue; default: in their own. */
  readonly to?: string | undefined;
}
