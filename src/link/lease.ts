import type { Addon } from '../signals/addon.ts';
import { type BusQueue, call, type Waiter } from './bus-queue.ts';
import { type BusFile, lockOffset } from './bus-record.ts';

/** A holder renews its stamp this often; ms. */
const RENEW_MS = 100;
/**
 * A pause of this length ends the frame under way, whoever has the bus by then: with the second for which a
 * sender waits for an echo it stays below the 2 s after which a receiver forgets half a frame; ms.
 */
const PAUSE_MS = 500;

export type LeasePort = Pick<Addon, 'lock' | 'monotonic' | 'clearGap'>;

/** The right to transmit, until {@link release} or until it was taken away (docs/protocol.md, section 5, *Hold*). */
export class Lease {
  readonly #file: BusFile;
  readonly #port: LeasePort;
  readonly #queue: BusQueue;
  readonly #generation: number;
  readonly #pid: number;
  #seenAt: number;
  #pauses = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(file: BusFile, port: LeasePort, queue: BusQueue, generation: number, pid: number) {
    this.#file = file;
    this.#port = port;
    this.#queue = queue;
    this.#generation = generation;
    this.#pid = pid;
    this.#seenAt = port.monotonic();
  }

  /** Renews it by itself, as long as the event loop turns. */
  keep(): void {
    this.#timer = setInterval(() => this.check(), RENEW_MS / 2);
  }

  /**
   * False when another process took the bus away because we were stopped, or will because the stamp cannot be
   * renewed. Must be asked after every pause of {@link RENEW_MS} before another bit is sent. Never throws.
   */
  check(): boolean {
    try {
      if (this.#file.read().generation !== this.#generation) return false;
      this.renew();
      return true;
    } catch {
      return false;
    }
  }

  /** How often this process has stood still for {@link PAUSE_MS} or longer since it has the bus. */
  get pauses(): number {
    this.#look();
    return this.#pauses;
  }

  /** @throws the error of write(2) */
  renew(): void {
    const before = this.#pauses;
    const stamp = this.#look();
    this.#file.write({ generation: this.#generation, pid: this.#pid, stamp });
    // After a pause the next bit has to ask.
    if (this.#pauses === before) this.#port.clearGap();
  }

  #look(): number {
    const now = this.#port.monotonic();
    if (now - this.#seenAt >= PAUSE_MS) this.#pauses++;
    this.#seenAt = now;
    return now;
  }

  /** Gives the bus to the next in line. Call it exactly once: afterwards the lock may be another's. */
  release(): void {
    if (this.#timer) clearInterval(this.#timer); // a process that needs none should not load timers
    // A process that has just left the line must not keep a turn that it knows nothing about.
    while (!this.#passOn() && this.#lock(1) === 0);
  }

  /** @returns false if the next in line left it meanwhile */
  #passOn(): boolean {
    let next: Waiter | undefined;
    try {
      if (this.#file.read().generation !== this.#generation) return true;
      next = this.#queue.next();
      if (next) this.#giveTurn(next);
    } finally {
      this.#lock(0);
    }
    // Somebody who found the bus taken may have entered an empty line just now.
    next ??= this.#queue.next();
    return !next || call(next);
  }

  /** Before the lock is free, so that nobody else takes it. */
  #giveTurn({ pid }: Waiter): void {
    try {
      this.#file.writeTurn({ pid, at: this.#port.monotonic() });
    } catch {
      // the disk cannot be written: whoever looks first has the bus
    }
  }

  #lock(on: 0 | 1): number {
    return this.#port.lock(this.#file.fd, lockOffset(this.#generation), on);
  }
}
