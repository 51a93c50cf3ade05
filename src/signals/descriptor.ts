import { closeSync } from 'node:fs';
import type { Bit } from '../codec/signal-codec.ts';
import type { Addon } from './addon.ts';

export type DescriptorPort = Pick<Addon, 'pidfd' | 'signal'>;

/** No descriptor left, or a kernel without: the PID must do. */
const NO_DESCRIPTOR = -1;
/** Nobody is reached by it (native/exchange.c, send_bit). */
const CLOSED = -2;

/**
 * A process, held by a pidfd: it never names another one, also when the PID does (pidfd_open(2)). Open it
 * before you look whom it names.
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

  /** Sends a bit to the process as a whole, as a plain peer expects it. @throws Error when it has ended */
  kill(bit: Bit): void {
    const failed = this.#addon.signal(this.#fd, bit);
    if (failed !== 0) throw new Error(`cannot signal process ${this.pid} (errno ${failed})`);
  }

  /** Once is enough. Afterwards nothing is sent by it. */
  close(): void {
    if (this.#fd > NO_DESCRIPTOR) closeSync(this.#fd);
    this.#fd = CLOSED;
  }
}
