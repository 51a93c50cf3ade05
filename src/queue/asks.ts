/** What those who asked are to be told of a message. The store does not read it. */
export interface Replied {
  /** As given with the message; it is told once, the first time. */
  readonly asker: string;
  /** If it is gone. */
  readonly ifGone: Uint8Array;
  /** If it is dead. */
  readonly ifDead: Uint8Array;
}

/** What an asker has not been told yet. */
export interface Reply {
  readonly asker: string;
  readonly content: Uint8Array;
}

/** How far something is that was asked. `answered`: its reply waits for the asker. */
export type Asked = 'ready' | 'delayed' | 'reserved' | 'dead' | 'answered';

/**
 * Who waits for what becomes of messages, and what they are to be told: kept until they are. The name of an asker is
 * any text that no other ask has: a word, a space, and the place where it is.
 */
export interface Asks {
  /** Who of those at a place is to be told something, the first ones first. */
  repliesAt(place: string, limit: number): Promise<string[]>;
  reply(asker: string): Promise<Reply | undefined>;
  /** They know it, or nobody is there to be told. */
  forgetReplies(askers: readonly string[]): Promise<void>;
  /** How far it is; undefined: there is neither a message nor a reply. */
  asked(asker: string): Promise<Asked | undefined>;
}

/** What nobody has fetched by then is forgotten: its broker is gone for good; ms. */
export const REPLIES_KEPT_MS = 7 * 24 * 3_600_000;
