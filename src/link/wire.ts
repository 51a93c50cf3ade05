import type { Bit } from '../codec/signal-codec.ts';
import { type Addon, Exchange } from '../signals/addon.ts';
import type { Descriptor } from '../signals/descriptor.ts';
import { BLOCK_BYTES, Field, Memory } from '../signals/memory.ts';
import type { FrameReceiver } from './frame-receiver.ts';
import type { Run } from './run.ts';

/** Do not wait. */
const SEND_ONLY = -1;
const NO_ANSWER = -1;

export interface WireEvents {
  /** Asked after a pause: may the bits for this process still go out? */
  mayGoOn(pid: number): boolean;
  onUnreachable(pid: number): void;
  /** The echoes of bits `from` to `to` of a run, without that one, are as they should be. */
  onEchoes(run: Run, from: number, to: number): void;
  /** Bits of the peer that is listened to were echoed; see SignalCodec.absorb. */
  onEchoed(bytes: Uint8Array, partial: number, bits: number): void;
}

/**
 * What goes to the kernel and comes from it. What is to be sent is kept until the next look for signals, which
 * then sends and waits in one call, and does the routine of a frame by itself.
 */
export class Wire {
  readonly #addon: Pick<Addon, 'exchange' | 'clearGap'>;
  readonly #memory: Memory;
  readonly #events: WireEvents;
  #run: Run | undefined;
  /** Echoes of the run that were reported. */
  #echoes = 0;
  /** Bits of an unfinished byte that were reported, or given to {@link listen}. */
  #partialBits = 0;

  constructor(addon: Pick<Addon, 'exchange' | 'clearGap' | 'memory'>, events: WireEvents) {
    this.#addon = addon;
    this.#memory = new Memory(addon.memory);
    this.#events = events;
  }

  /** Echoes one bit, at the latest with the next {@link flush}. */
  answer(peer: Descriptor, bit: Bit): void {
    const { fields } = this.#memory;
    if (fields[Field.Answer] !== NO_ANSWER) this.flush();
    fields[Field.AnswerPid] = peer.pid;
    fields[Field.AnswerFd] = peer.fd;
    fields[Field.Answer] = bit;
  }

  /** Sends a run, in place of what is left of the one before. Its last echo, or a wrong one, comes from {@link next}. */
  send(peer: Descriptor, run: Run): void {
    const { fields } = this.#memory;
    this.#memory.run.set(run.bytes);
    this.#run = run;
    this.#echoes = 0;
    fields[Field.RunPid] = peer.pid;
    fields[Field.RunFd] = peer.fd;
    fields[Field.RunBits] = run.bits;
    fields[Field.RunSent] = 0;
    fields[Field.RunEchoed] = 0;
  }

  /** Sends no more of the run. */
  cancel(): void {
    this.#memory.fields[Field.RunBits] = 0;
  }

  /** Echoes the next bits of a peer, as many as its receiver has room for. */
  listen(peer: Descriptor, { room, partial }: Pick<FrameReceiver, 'room' | 'partial'>): void {
    const { fields } = this.#memory;
    fields[Field.EchoPid] = peer.pid;
    fields[Field.EchoFd] = peer.fd;
    fields[Field.EchoRoom] = Math.min(room, BLOCK_BYTES);
    fields[Field.EchoByte] = partial.byte;
    fields[Field.EchoBits] = this.#partialBits = partial.bits;
  }

  /** All bits come from {@link next}. */
  ignore(): void {
    this.#memory.fields[Field.EchoRoom] = 0;
  }

  /** Signals so far that came without their sender. */
  get nameless(): number {
    return this.#memory.fields[Field.Nameless] as number;
  }

  /** Sends what is due, and does not wait for echoes. */
  flush(): void {
    this.#exchange(SEND_ONLY, -1);
  }

  /** The next signal that {@link WireEvents} are not about, as `pid * 2 + bit`; Exchange.None, Ended or More. */
  next(us: number, pidfd: number): number {
    const event = this.#exchange(us, pidfd);
    return event < Exchange.More ? Exchange.None : event;
  }

  #exchange(us: number, pidfd: number): number {
    for (;;) {
      const event = this.#addon.exchange(us, pidfd);
      this.#report();
      if (event >= Exchange.More) return event;
      const pid = this.#due;
      // Again and again on a busy machine: this process may lose the CPU between the look and the bit.
      if (event === Exchange.Gap && this.#events.mayGoOn(pid)) this.#addon.clearGap();
      else {
        this.#drop();
        if (event === Exchange.Unreachable) this.#events.onUnreachable(pid);
        return event;
      }
    }
  }

  /** Passes on what the addon did by itself. */
  #report(): void {
    const { fields, echo } = this.#memory;
    const from = this.#echoes;
    const to = fields[Field.RunEchoed] as number;
    if (this.#run && to > from) {
      this.#echoes = to;
      this.#events.onEchoes(this.#run, from, to);
    }
    const bytes = fields[Field.EchoBytes] as number;
    const bits = fields[Field.EchoBits] as number;
    if (bytes === 0 && bits === this.#partialBits) return;
    this.#partialBits = bits;
    fields[Field.EchoBytes] = 0;
    this.#events.onEchoed(echo.subarray(0, bytes), fields[Field.EchoByte] as number, bits);
  }

  /** Whom the bit is for that did not go out. */
  get #due(): number {
    const { fields } = this.#memory;
    return fields[fields[Field.Answer] === NO_ANSWER ? Field.RunPid : Field.AnswerPid] as number;
  }

  #drop(): void {
    const { fields } = this.#memory;
    if (fields[Field.Answer] === NO_ANSWER) this.cancel();
    else fields[Field.Answer] = NO_ANSWER;
  }
}
