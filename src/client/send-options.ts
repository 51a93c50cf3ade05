import { DEFAULT_QUEUE, type MessageFields } from '../codec/fields.ts';
import type { Bit } from '../codec/signal-codec.ts';
import type { AskedStatus } from '../status.ts';

export interface SendOptions {
  readonly queue?: string | undefined;
  /** Higher goes first; 0 to 2^53-1, default 0. */
  readonly priority?: number | undefined;
  /** Deliver it no sooner than this; up to 100 years, and shorter than `ttlMs`. */
  readonly delayMs?: number | undefined;
  /** Deliver it no sooner than then, by the clock as it is now; in the past: at once. Not together with `delayMs`. */
  readonly at?: Date | undefined;
  /** Discard it if no consumer has taken it by then. */
  readonly ttlMs?: number | undefined;
  /** Name and value, in this order; a name may occur more than once, and all of them arrive. */
  readonly headers?: readonly (readonly [string, string])[] | undefined;
  /**
   * Not stored while another message of the queue with this key is ready, delayed or in a consumer's hands: then the
   * send is confirmed, and `inspector.lastSent()` tells which one stands for it. 1 to 256 bytes, no control characters.
   */
  readonly key?: string | undefined;
  /** How long after it is done that still holds; default: no longer; ms. */
  readonly keyTtlMs?: number | undefined;
  /** Attempts before it is dead; default: as its queue, or the broker, has it. */
  readonly maxAttempts?: number | undefined;
  /** Pause after its first failed attempt, which doubles after each further one; default: as for attempts; ms. */
  readonly backoffMs?: number | undefined;
  /** Another queue to which it goes when it is dead; default: as its queue has it. */
  readonly deadTo?: string | undefined;
  /** Give up after this; ms. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((sentBits: number, totalBits: number) => void) | undefined;
  /** Called with each frame that was sent, and its echoes; for people who want to watch. */
  readonly onFrame?: ((sent: SentFrame) => void) | undefined;
}

/** For a message whose reply is waited for. */
export interface AskOptions
  extends Pick<SendOptions, 'queue' | 'priority' | 'headers' | 'ttlMs' | 'signal'> {
  /**
   * Give up after this, with error `timeout`. Unless `ttlMs` says otherwise, the message then expires too, if no consumer
   * has taken it. Default: wait for as long as it takes; ms.
   */
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: SendOptions['onProgress'];
  /** Called every few seconds, as long as there is no reply, with how far the message is. */
  readonly onLook?: ((asked: AskedStatus) => void) | undefined;
}

/** A frame with its zero byte, and the echo of each of its bits, low bit of the first byte first. */
export interface SentFrame {
  readonly frame: Uint8Array;
  readonly echoes: readonly Bit[];
}

/** From now; ms. */
export function delayOf({ at, delayMs = 0 }: Pick<SendOptions, 'at' | 'delayMs'>): number {
  return at === undefined ? delayMs : Math.max(0, at.getTime() - Date.now());
}

/** Defaults are left out: they would cost eight signals per byte, twice. */
export function fieldsOf(options: SendOptions): MessageFields {
  const { queue, priority, ttlMs, headers, key, keyTtlMs } = options;
  const { maxAttempts, backoffMs, deadTo } = options;
  const delayMs = delayOf(options);
  return {
    ...(queue === undefined || queue === DEFAULT_QUEUE ? {} : { queue }),
    ...(priority ? { priority } : {}),
    ...(delayMs ? { delayMs: Math.ceil(delayMs) } : {}),
    ...(ttlMs === undefined ? {} : { ttlMs: Math.ceil(ttlMs) }),
    ...(headers?.length ? { headers } : {}),
    ...(key === undefined ? {} : { key }),
    ...(keyTtlMs === undefined ? {} : { keyTtlMs: Math.ceil(keyTtlMs) }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(backoffMs === undefined ? {} : { backoffMs: Math.ceil(backoffMs) }),
    ...(deadTo === undefined ? {} : { deadTo }),
  };
}
