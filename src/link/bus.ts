import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { clockMs } from '../clock.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import type { Addon } from '../signals/addon.ts';
import { Unchanged } from '../unchanged.ts';
import { BusQueue } from './bus-queue.ts';
import { BusFile, lockOffset } from './bus-record.ts';
import { linkErrors } from './errors.ts';
import { Lease, type LeasePort } from './lease.ts';

/** A stamp that did not change for this long belongs to a holder that is stopped; ms. */
const LEASE_MS = 800;
/** A free bus is kept this long for the process whose turn it is: on a busy machine waking up takes a while; ms. */
const TURN_MS = 100;
/**
 * A waiter looks by itself after this time, in case the holder died or is stopped, and doubles it with each look, up to
 * {@link LONGEST_LOOK_MS}: otherwise hundreds of waiters would leave the CPU no time for anything else; ms.
 */
const FIRST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 100;
/** See Addon.watchFile. */
const NO_WATCH = -1;
/** So often it is asked whether the file is still there: nobody notices what that costs; ms. */
const FILE_LOOK_MS = 500;

export type BusPort = LeasePort & Pick<Addon, 'watchFile' | 'awaitChange'>;

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
  #start: number | undefined;
  #file: BusFile;
  #queue: BusQueue;
  #freshAt = clockMs();
  #mayBeOurs = false;

  constructor(dir: string, port: BusPort, table: ProcessTable) {
    this.#dir = dir;
    this.#table = table;
    this.#file = new BusFile(join(dir, 'bus'));
    this.#queue = new BusQueue(join(dir, 'bus.wait'), table);
    this.#port = port;
    this.#pid = table.selfPid;
  }

  /** Of this process; asked for when it is needed, which in a process that sends one message it rarely is. */
  get #ourStart(): number {
    this.#start ??= this.#table.read(this.#pid)?.start ?? 0;
    return this.#start;
  }

  /** PID of the process that holds the bus or had it last. */
  get holder(): number {
    return this.#file.read().pid;
  }

  /** Whether nobody else has had it since this process took it, so that nobody else has sent anything since. */
  get isOurs(): boolean {
    this.#mayBeOurs &&= this.holder === this.#pid && this.#file.isThere;
    return this.#mayBeOurs;
  }

  /** The same without a look: false is certain. */
  get mayBeOurs(): boolean {
    return this.#mayBeOurs;
  }

  /**
   * Waits for the bus. The lease renews itself.
   * @throws whatever `signal` was aborted with; LinkError bus-full; RegistryError cannot-write
   */
  async take(signal?: AbortSignal): Promise<Lease> {
    const lease = await this.#take(signal);
    lease.keep();
    return lease;
  }

  async #take(signal: AbortSignal | undefined): Promise<Lease> {
    signal?.throwIfAborted();
    this.#freshen();
    let lease = this.#tryTake();
    if (lease) return lease;
    let wake = () => {};
    const stopWaiting = () => wake();
    let lookMs = FIRST_LOOK_MS;
    const onTurn = () => {
      lookMs = FIRST_LOOK_MS; // if the lock is not free yet, look again while it is our turn
      wake();
    };
    const ticket = this.#queue.enter(this.#port.monotonic(), this.#ourStart, onTurn);
    signal?.addEventListener('abort', stopWaiting);
    const record = new Unchanged();
    try {
      for (;;) {
        signal?.throwIfAborted();
        this.#freshen();
        lease = this.#tryTake() ?? this.#trySteal(record);
        if (lease) return lease;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, lookMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        // A process that does not hear of its turn must not miss it.
        if (ticket?.hears) lookMs = nextLookMs(lookMs);
      }
    } finally {
      signal?.removeEventListener('abort', stopWaiting);
      ticket?.leave();
      if (!lease) this.#passOn();
    }
  }

  /**
   * As {@link take}, without an event loop. The lease is to be renewed by hand. @returns undefined: not in time
   * @throws as `take`
   */
  takeSync(patienceMs: number): Lease | undefined {
    let lease = this.#tryTake();
    if (lease) return lease;
    const ticket = this.#queue.enter(this.#port.monotonic(), this.#ourStart);
    const watch = ticket ? this.#port.watchFile(ticket.path) : NO_WATCH;
    const record = new Unchanged();
    const since = clockMs();
    try {
      for (let lookMs = FIRST_LOOK_MS; clockMs() - since < patienceMs; ) {
        lease = this.#tryTake() ?? this.#trySteal(record);
        if (lease) return lease;
        const isTurn = this.#port.awaitChange(watch, lookMs) === 1;
        if (watch !== NO_WATCH) lookMs = isTurn ? FIRST_LOOK_MS : nextLookMs(lookMs);
      }
      return undefined;
    } finally {
      if (watch !== NO_WATCH) closeSync(watch);
      ticket?.leave();
      if (!lease) this.#passOn();
    }
  }

  /** Or the others would wait for us, if it is our turn. */
  #passOn(): void {
    try {
      if (this.#file.read().turn?.pid === this.#pid) this.#tryTake()?.release();
    } catch {
      // the bus cannot be read or written: the turn passes by itself
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

  #tryTake(): Lease | undefined {
    const { generation, turn } = this.#file.read();
    const isOthersTurn = turn && turn.pid !== this.#pid;
    // A time far ahead counts for nothing either: the clock of a container may differ from ours.
    if (isOthersTurn && Math.abs(this.#port.monotonic() - turn.at) < TURN_MS) return undefined;
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
      this.#mayBeOurs = true;
      return lease;
    } catch (error) {
      lease.release();
      throw linkErrors.busFull(this.#dir, error);
    }
  }
}

function nextLookMs(lookMs: number): number {
  return Math.min(lookMs * 2, LONGEST_LOOK_MS);
}
