import type { Addon, Bits } from '../signals/addon.ts';
import { Exchange } from '../signals/addon.ts';

/** Do not wait. */
const SEND_ONLY = -1;

/**
 * What goes to the kernel and comes from it. Bits are kept until the next look for signals, which then
 * sends and waits in one call.
 */
export class Wire {
  readonly #addon: Pick<Addon, 'exchange' | 'clearGap'>;
  /** Asked after a pause: may the bits for this process still go out? */
  readonly #mayGoOn: (pid: number) => boolean;
  readonly #onUnreachable: (pid: number) => void;
  #pid = 0;
  #bits: Bits = 0;

  constructor(
    addon: Pick<Addon, 'exchange' | 'clearGap'>,
    mayGoOn: (pid: number) => boolean,
    onUnreachable: (pid: number) => void,
  ) {
    this.#addon = addon;
    this.#mayGoOn = mayGoOn;
    this.#onUnreachable = onUnreachable;
  }

  /** Sends bits, at the latest with the next {@link flush}. */
  send(pid: number, bits: Bits): void {
    this.flush();
    this.#pid = pid;
    this.#bits = bits;
  }

  flush(): void {
    if (this.#pid !== 0) this.#exchange(SEND_ONLY, -1);
  }

  /** The next signal as `pid * 2 + bit`; Exchange.None; Exchange.Ended. */
  next(us: number, pidfd: number): number {
    const event = this.#exchange(us, pidfd);
    return event < Exchange.Ended ? Exchange.None : event;
  }

  #exchange(us: number, pidfd: number): number {
    const pid = this.#pid;
    let event = this.#addon.exchange(pid, this.#bits, us, pidfd);
    // Again and again on a busy machine: this process may lose the CPU between the look and the bit.
    while (event === Exchange.Gap) {
      if (!this.#mayGoOn(pid)) {
        this.#pid = 0;
        return event;
      }
      this.#addon.clearGap();
      event = this.#addon.exchange(pid, this.#bits, us, pidfd);
    }
    this.#pid = 0;
    if (event === Exchange.Unreachable) this.#onUnreachable(pid);
    return event;
  }
}
