import type { Bit } from '../codec/signal-codec.ts';

/** A signal that went over the wire. */
export interface WireSignal {
  /**
   * By `clockMs()`, to about 1 µs: of one that was sent, right before the system call that sent it; of one that was
   * received, right after the one that took it, which may be a while after it was sent; ms.
   */
  readonly at: number;
  /** A bit of a frame, or the answer to one. */
  readonly kind: 'bit' | 'echo';
  readonly isSent: boolean;
  /** 0 is SIGUSR1, 1 is SIGUSR2. */
  readonly bit: Bit;
  /** The process at the other end; 0: not known. */
  readonly pid: number;
}

/** Is told of each signal. */
export type Tap = (signal: WireSignal) => void;
