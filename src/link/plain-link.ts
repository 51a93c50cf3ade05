import { join } from 'node:path';
import { clockMs } from '../clock.ts';
import type { Bit } from '../codec/signal-codec.ts';
import { lockLibrary } from '../registry/lock-library.ts';
import { linkErrors } from './errors.ts';
import { FRAME_TIMEOUT_MS, type Sender } from './inbound.ts';
import { PlainDecoder } from './plain-decoder.ts';

/** Node does not say who sent a signal. */
const SOMEBODY: Sender = { pid: 0, start: 0 };
/** A lock whose holder was killed is broken after this; ms (the least that proper-lockfile takes). */
const LOCK_STALE_MS = 2000;

export interface PlainLinkOptions {
  readonly dir: string;
  readonly maxFrameBytes: number;
  onPlain(sender: Sender, body: Uint8Array): void;
}

/**
 * The two signals of this process where the addon cannot load: handlers instead of a mask, so that
 * other sigmq processes see a plain peer. The plain protocol's guarantees and no more.
 */
export class PlainLink {
  readonly #dir: string;
  readonly #decoder: PlainDecoder;
  #lastBitAt = 0;
  readonly #onPlain: PlainLinkOptions['onPlain'];

  constructor(options: PlainLinkOptions) {
    this.#dir = options.dir;
    this.#decoder = new PlainDecoder(options.maxFrameBytes);
    this.#onPlain = options.onPlain;
    process.on('SIGUSR1', () => this.#onBit(0));
    process.on('SIGUSR2', () => this.#onBit(1));
  }

  /** Runs `work` while no other sigmq process without the addon transmits. */
  async withBus<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { lock } = await lockLibrary();
    let lost = false;
    const release = await retry(
      () =>
        lock(join(this.#dir, 'bus'), {
          realpath: false,
          stale: LOCK_STALE_MS,
          onCompromised: () => (lost = true),
        }),
      this.#dir,
      signal,
    );
    try {
      return await work();
    } finally {
      if (!lost) await release();
    }
  }

  /** When the last signal came of a message that is on its way, by `clockMs()`; undefined: none is. */
  get lastSignalAt(): number | undefined {
    const isMoving = !this.#decoder.idle && clockMs() - this.#lastBitAt < FRAME_TIMEOUT_MS;
    return isMoving ? this.#lastBitAt : undefined;
  }

  async close(): Promise<void> {
    // The handlers stay: without them a late bit would kill us.
  }

  #onBit(bit: Bit): void {
    this.#lastBitAt = clockMs();
    const body = this.#decoder.push(bit);
    if (body) this.#onPlain(SOMEBODY, body);
  }
}

/** @throws LinkError bus-full, the reason of `signal` */
async function retry<T>(attempt: () => Promise<T>, dir: string, signal?: AbortSignal): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw linkErrors.busFull(dir, error);
      await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 20));
    }
  }
}
