import { inOrder, meaningOf, type PlainCoding } from '../../codec/plain-coding.ts';
import { REASON_BITS } from '../../codec/reason.ts';
import type { Bit } from '../../codec/signal-codec.ts';
import type { WireSignal } from '../../link/tap.ts';
import type { Pulse } from './recording.ts';

/** Counts the bits of frames in one direction, as their receiver does. */
class BitCounter {
  readonly #coding: PlainCoding;
  #bits = 0;
  #byte = 0;
  /** Undefined: it was a question. */
  #last: Bit | undefined;
  /** Zeros that ask for the reason of a refusal, and belong to no byte. */
  #questions = 0;

  constructor(coding: PlainCoding) {
    this.#coding = coding;
  }

  /** The place of a bit; undefined: it is a question. */
  onBit(signal: Bit): { readonly position: number; readonly byte: number } | undefined {
    this.#last = signal;
    if (this.#questions > 0 && signal === 0) {
      this.#last = undefined;
      this.#questions--;
      return undefined;
    }
    this.#questions = 0;
    const position = this.#bits;
    this.#byte |= meaningOf(signal, this.#coding) << position;
    const byte = inOrder(this.#byte, this.#coding);
    this.#bits = (position + 1) % 8;
    if (this.#bits === 0) this.#byte = 0;
    return { position, byte };
  }

  onEcho(signal: Bit): void {
    if (this.#last === undefined || signal === this.#last) return;
    this.#bits = 0;
    this.#byte = 0;
    this.#questions = REASON_BITS;
  }
}

/** What a sender's wire tells, as a recording has it: the sender knows its bits, and the wire does not. */
export class SentPulses {
  readonly #out: BitCounter;
  readonly #in: BitCounter;
  /** A plain peer, all of whose signals are answers. */
  plainPid: number | undefined;

  constructor(coding: PlainCoding) {
    this.#out = new BitCounter(coding);
    this.#in = new BitCounter(coding);
  }

  pulseOf({ kind, isSent, bit: signal, pid }: WireSignal): Omit<Pulse, 'at'> {
    if (!isSent && pid === this.plainPid) return { kind: 'ack', signal, pid };
    if (kind === 'bit')
      return { kind, signal, pid, ...(isSent ? this.#out : this.#in).onBit(signal) };
    (isSent ? this.#in : this.#out).onEcho(signal);
    return { kind, signal, pid };
  }
}
