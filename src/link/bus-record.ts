import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { registryErrors } from '../registry/errors.ts';

/** Who holds the bus: the first 32 bytes of the file `bus` (docs/protocol.md, section 5). */
export interface BusRecord {
  generation: number;
  pid: number;
  /** Milliseconds of CLOCK_MONOTONIC when the holder last renewed it. */
  stamp: number;
  /** Who is to have it next; absent while somebody has it, or if nobody waits. */
  turn: Turn | undefined;
}

/** Whose turn it is, and since when: milliseconds of CLOCK_MONOTONIC. */
export interface Turn {
  readonly pid: number;
  readonly at: number;
}

const RECORD_BYTES = 32;
const TURN_OFFSET = 16;
const TURN_BYTES = 12;
const LOCKS_START = 64;

/** The byte whose lock is the bus, in a generation. Wraps far below the largest offset (2^31). */
export function lockOffset(generation: number): number {
  return LOCKS_START + (generation % 0x4000_0000);
}

/** The file `bus` of one runtime directory. */
export class BusFile {
  readonly fd: number;
  readonly #path: string;
  readonly #stats: Stats;
  readonly #bytes = new Uint8Array(RECORD_BYTES);
  /** In a process that lives for one message, the methods of Buffer would be compiled for this alone. */
  readonly #view = new DataView(this.#bytes.buffer);

  /** @throws RegistryError not-a-file, cannot-write, no-broker if its directory is gone */
  constructor(path: string) {
    const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
    try {
      this.fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') throw registryErrors.dirGone(dirname(path), error);
      throw code === 'ELOOP' || code === 'EISDIR'
        ? registryErrors.notAFile(path)
        : registryErrors.cannotWrite(path, error);
    }
    this.#path = path;
    this.#stats = fstatSync(this.fd);
    if (this.#stats.isFile()) {
      this.#makeRoom();
      return;
    }
    closeSync(this.fd);
    throw registryErrors.notAFile(path);
  }

  /** Whether this is still the file of that name: it may have been removed, with its directory or without. */
  get isThere(): boolean {
    const now = lstatSync(this.#path, { throwIfNoEntry: false });
    return now?.ino === this.#stats.ino && now.dev === this.#stats.dev;
  }

  /**
   * A record written over another one needs no room on most file systems; the first one does. Its last byte is
   * always zero, so whatever another process writes meanwhile stays.
   */
  #makeRoom(): void {
    if (this.#stats.size > 0) return;
    try {
      writeSync(this.fd, Buffer.alloc(1), 0, 1, RECORD_BYTES - 1);
    } catch {
      // who takes the bus will be told
    }
  }

  read(): BusRecord {
    const bytes = readSync(this.fd, this.#bytes, 0, RECORD_BYTES, 0);
    if (bytes < RECORD_BYTES) return { generation: 0, pid: 0, stamp: 0, turn: undefined };
    const pid = this.#view.getUint32(TURN_OFFSET, true);
    return {
      generation: this.#view.getUint32(0, true),
      pid: this.#view.getUint32(4, true),
      stamp: this.#view.getFloat64(8, true),
      turn: pid === 0 ? undefined : { pid, at: this.#view.getFloat64(TURN_OFFSET + 4, true) },
    };
  }

  /** For whoever takes or has the bus: it is nobody's turn any more. */
  write(record: Omit<BusRecord, 'turn'>): void {
    this.#bytes.fill(0);
    this.#view.setUint32(0, record.generation, true);
    this.#view.setUint32(4, record.pid, true);
    this.#view.setFloat64(8, record.stamp, true);
    writeSync(this.fd, this.#bytes, 0, RECORD_BYTES, 0);
  }

  /** Leaves the rest as it is: another process may have taken the bus from us. */
  writeTurn({ pid, at }: Turn): void {
    const turn = new DataView(new ArrayBuffer(TURN_BYTES));
    turn.setUint32(0, pid, true);
    turn.setFloat64(4, at, true);
    writeSync(this.fd, turn, 0, TURN_BYTES, TURN_OFFSET);
  }

  close(): void {
    closeSync(this.fd);
  }
}
