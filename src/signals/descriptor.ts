import { closeSync } from 'node:fs';
import type { Bit } from '../codec/signal-codec.ts';
import type { Addon } from './addon.ts';

export type DescriptorPort = Pick<Addon, 'pidfd' | 'signal'>;

/** No descriptor left, or a kernel without them: the PID has to do. */
const NO_DESCRIPTOR = -1;
/** Reaches nobody (native/exchange.c, send_bit). */
const CLOSED = -2;

/**
 * A process, held by a pidfd: this never refers to another process, even when the PID does (pidfd_open(2)). Open it
 * before you check which process that is.
 */
export class Descriptor {
  readonly pid: number;
  readonly #addon: DescriptorPort;
  #fd: number;

  constructor(addon: DescriptorPort, pid: number) {
    this.pid = pid;
    this.#addon = addon;
    this.#fd = addon.pidfd(pid);
  }

  /** For the addon's `exchange`. */
  get fd(): number {
    return this.#fd;
  }

  /** Sends a bit to the process as a whole, as a plain peer expects it. @throws Error if it has ended */
  kill(bit: Bit): void {
    const failed = this.#addon.signal(this.#fd, bit);
    if (failed !== 0) throw new Error(`cannot signal process ${this.pid} (errno ${failed})`);
  }

  /** May be called more than once. Nothing is sent through it afterwards. */
  close(): void {
    if (this.#fd > NO_DESCRIPTOR) closeSync(this.#fd);
    this.#fd = CLOSED;
  }
}
