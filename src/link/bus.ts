import { join } from 'node:path';
import { clockMs } from '../clock.ts';
import type { ProcessTable } from '../registry/process-table.ts';
import type { Addon } from '../signals/addon.ts';
import { BusQueue, type Ticket } from './bus-queue.ts';
import { BusFile, type BusRecord, lockOffset } from './bus-record.ts';
import { linkErrors } from './errors.ts';

/** A holder renews its stamp this often; ms. */
const RENEW_MS = 100;
/**
 * A pause of this length ends the frame under way, whoever has the bus by then: with the second for which a
 * sender waits for an echo it stays below the 2 s after which a receiver forgets half a frame; ms.
 */
const PAUSE_MS = 500;
/** A stamp that did not change for this long belongs to a holder that is stopped; ms. */
const STOPPED_MS = 800;
/** How often a waiter looks by itself: for a holder that died, or stopped; ms. */
const LOOK_MS = 20;
/** The same of one that does not hear of its turn, which lasts 20 ms; ms. */
const DEAF_LOOK_MS = 5;
/** So often it is asked whether the file is still there: nobody notices what that costs; ms. */
const FRESH_MS = 500;

type BusPort = Pick<Addon, 'lock' | 'monotonic' | 'clearGap'>;

/**
 * One transmission at a time per runtime directory (docs/protocol.md, section 5). The truth is a lock
 * that the kernel releases when its holder ends; the record says who has it and lets waiters notice a
 * stopped holder; the queue makes it fair.
 */
export class Bus {
  readonly #dir: string;
  readonly #table: ProcessTable;
  readonly #port: BusPort;
  readonly #pid: number;
  readonly #start: number;
  #file: BusFile;
  #queue: BusQueue;
  #freshAt = clockMs();

  constructor(dir: string, port: BusPort, table: ProcessTable) {
    this.#dir = dir;
    this.#table = table;
    this.#file = new BusFile(join(dir, 'bus'));
    this.#queue = new BusQueue(join(dir, 'bus.wait'), table);
    this.#port = port;
    this.#pid = table.selfPid;
    this.#start = table.read(table.selfPid)?.start ?? 0;
  }

  /** PID of the process that holds the bus or had it last. */
  get holder(): number {
    return this.#file.read().pid;
  }

  /**
   * Waits for the bus.
   * @throws whatever `signal` was aborted with; LinkError bus-full; RegistryError cannot-write
   */
  async take(signal?: AbortSignal): Promise<Hold> {
    signal?.throwIfAborted();
    this.#freshen();
    let hold = this.#tryTake(undefined);
    if (hold) return hold;
    let wake = () => {};
    let called = false;
    const ticket = this.#queue.enter(this.#port.monotonic(), this.#start, () => {
      called = true;
      wake();
    });
    const abort = () => wake();
    signal?.addEventListener('abort', abort);
    const watch = new HolderWatch();
    try {
      for (;;) {
        signal?.throwIfAborted();
        this.#freshen();
        called = false;
        hold = this.#tryTake(ticket) ?? this.#trySteal(watch);
        if (hold) return hold;
        if (called) continue;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ticket?.hears === false ? DEAF_LOOK_MS : LOOK_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      ticket?.leave();
    }
  }

  close(): void {
    this.#file.close();
  }

  /** Whose directory or file was removed and made again would be alone on the old bus. */
  #freshen(): void {
    const now = clockMs();
    if (now - this.#freshAt < FRESH_MS) return;
    this.#freshAt = now;
    if (this.#file.isThere) return;
    const file = new BusFile(join(this.#dir, 'bus'));
    this.#file.close();
    this.#file = file;
    this.#queue = new BusQueue(join(this.#dir, 'bus.wait'), this.#table);
  }

  #tryTake(ticket: Ticket | undefined): Hold | undefined {
    if (this.#queue.isOthersTurn(ticket)) return undefined;
    const { generation } = this.#file.read();
    return this.#lock(generation, generation);
  }

  /** Takes the bus from a holder that has not renewed its stamp for {@link STOPPED_MS}. */
  #trySteal(watch: HolderWatch): Hold | undefined {
    const record = this.#file.read();
    if (!watch.isStopped(record)) return undefined;
    return this.#lock(record.generation, (record.generation + 1) >>> 0);
  }

  /** Locks the byte of generation `to` and writes it, if the generation is still `from` by then. */
  #lock(from: number, to: number): Hold | undefined {
    if (this.#port.lock(this.#file.fd, lockOffset(to), 1) !== 0) return undefined;
    if (this.#file.read().generation !== from) {
      this.#port.lock(this.#file.fd, lockOffset(to), 0);
      return undefined;
    }
    const hold = new Hold(this.#file, this.#port, this.#queue, to, this.#pid);
    try {
      hold.renew();
      return hold;
    } catch (error) {
      hold.release();
      throw linkErrors.busFull(this.#dir, error);
    }
  }
}

/** Notices, with the observer's own clock, that a record does not change. */
class HolderWatch {
  #generation = -1;
  #pid = -1;
  #stamp = -1;
  #since = 0;

  isStopped({ generation, pid, stamp }: BusRecord): boolean {
    const now = clockMs();
    if (generation !== this.#generation || pid !== this.#pid || stamp !== this.#stamp) {
      this.#generation = generation;
      this.#pid = pid;
      this.#stamp = stamp;
      this.#since = now;
    }
    return now - this.#since > STOPPED_MS;
  }
}

/** The right to transmit, until {@link release} or until it was taken away. */
export class Hold {
  readonly #file: BusFile;
  readonly #port: BusPort;
  readonly #queue: BusQueue;
  readonly #generation: number;
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #seenAt: number;
  #pauses = 0;

  constructor(file: BusFile, port: BusPort, queue: BusQueue, generation: number, pid: number) {
    this.#file = file;
    this.#port = port;
    this.#queue = queue;
    this.#generation = generation;
    this.#pid = pid;
    this.#seenAt = port.monotonic();
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

  /** Once. */
  release(): void {
    clearInterval(this.#timer);
    this.#port.lock(this.#file.fd, lockOffset(this.#generation), 0);
    this.#queue.callNext();
  }
}
