import { join } from 'node:path';
import { clockMs } from '../clock.ts';
import type { ProcessTable } from '../registry/process-table.ts';
import { Unchanged } from '../unchanged.ts';
import { BusQueue, type Ticket } from './bus-queue.ts';
import { BusFile, lockOffset } from './bus-record.ts';
import { linkErrors } from './errors.ts';
import { type BusPort, Lease } from './lease.ts';

/** A stamp that did not change for this long belongs to a holder that is stopped; ms. */
const LEASE_MS = 800;
/** How often a waiter looks by itself: for a holder that died, or stopped; ms. */
const TURN_LOOK_MS = 20;
/** The same of one that does not hear of its turn, which lasts 20 ms; ms. */
const DEAF_TURN_LOOK_MS = 5;
/** So often it is asked whether the file is still there: nobody notices what that costs; ms. */
const FILE_LOOK_MS = 500;

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
  async take(signal?: AbortSignal): Promise<Lease> {
    signal?.throwIfAborted();
    this.#freshen();
    let lease = this.#tryTake(undefined);
    if (lease) return lease;
    let wake = () => {};
    const stopWaiting = () => wake();
    const ticket = this.#queue.enter(this.#port.monotonic(), this.#start, stopWaiting);
    const lookMs = ticket?.hears === false ? DEAF_TURN_LOOK_MS : TURN_LOOK_MS;
    signal?.addEventListener('abort', stopWaiting);
    const record = new Unchanged();
    try {
      for (;;) {
        signal?.throwIfAborted();
        this.#freshen();
        lease = this.#tryTake(ticket) ?? this.#trySteal(record);
        if (lease) return lease;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, lookMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    } finally {
      signal?.removeEventListener('abort', stopWaiting);
      ticket?.leave();
    }
  }

  close(): void {
    this.#file.close();
  }

  /** Whose directory or file was removed and made again would be alone on the old bus. */
  #freshen(): void {
    const now = clockMs();
    if (now - this.#freshAt < FILE_LOOK_MS) return;
    this.#freshAt = now;
    if (this.#file.isThere) return;
    const file = new BusFile(join(this.#dir, 'bus'));
    this.#file.close();
    this.#file = file;
    this.#queue = new BusQueue(join(this.#dir, 'bus.wait'), this.#table);
  }

  #tryTake(ticket: Ticket | undefined): Lease | undefined {
    if (this.#queue.isOthersTurn(ticket)) return undefined;
    const { generation } = this.#file.read();
    return this.#lock(generation, generation);
  }

  /** Takes the bus from a holder that has not renewed its stamp for {@link LEASE_MS}. */
  #trySteal(record: Unchanged): Lease | undefined {
    const { generation, pid, stamp } = this.#file.read();
    if (record.forMs(`${generation} ${pid} ${stamp}`) <= LEASE_MS) return undefined;
    return this.#lock(generation, (generation + 1) >>> 0);
  }

  /** Locks the byte of generation `to` and writes it, if the generation is still `from` by then. */
  #lock(from: number, to: number): Lease | undefined {
    if (this.#port.lock(this.#file.fd, lockOffset(to), 1) !== 0) return undefined;
    if (this.#file.read().generation !== from) {
      this.#port.lock(this.#file.fd, lockOffset(to), 0);
      return undefined;
    }
    const lease = new Lease(this.#file, this.#port, this.#queue, to, this.#pid);
    try {
      lease.renew();
      return lease;
    } catch (error) {
      lease.release();
      throw linkErrors.busFull(this.#dir, error);
    }
  }
}
