import type { Bit } from '../codec/signal-codec.ts';
import type { Addon } from '../signals/addon.ts';
import type { Descriptor } from '../signals/descriptor.ts';
import { BLOCK_BYTES, Field, Memory } from '../signals/memory.ts';
import type { FrameReceiver } from './frame-receiver.ts';
import type { Run } from './run.ts';

/** For {@link Wire.exchange}: do not wait. */
export const SEND_ONLY = -1;
const NO_ANSWER = -1;

/**
 * What goes to the kernel and comes from it. What is to be sent is kept until the next {@link exchange}, which
 * then sends and waits in one call, and does the routine of a frame by itself.
 */
export class Wire {
  readonly #addon: Pick<Addon, 'exchange' | 'clearGap'>;
  readonly #memory: Memory;
  /** Echoes of the run that {@link takeEchoes} has told of. */
  #echoes = 0;
  /** Bits of an unfinished byte that {@link takeEchoed} has told of, or that {@link listen} was given. */
  #partialBits = 0;

  constructor(addon: Pick<Addon, 'exchange' | 'clearGap' | 'memory'>) {
    this.#addon = addon;
    this.#memory = new Memory(addon.memory);
  }

  /**
   * Sends what is due, then waits for signals.
   * @returns the first that is no routine, as `pid * 2 + bit`; or one of {@link Exchange}: after Gap and
   *   Unreachable, {@link clearGap} or {@link drop} what is {@link dueTo} a process
   */
  exchange(us: number, pidfd: number): number {
    return this.#addon.exchange(us, pidfd);
  }

  /** Whether the bit of the last {@link answer} is still to go out. */
  get answers(): boolean {
    return this.#memory.fields[Field.Answer] !== NO_ANSWER;
  }

  /** Echoes one bit, in place of one that has not gone out. */
  answer(peer: Descriptor, bit: Bit): void {
    const { fields } = this.#memory;
    fields[Field.AnswerPid] = peer.pid;
    fields[Field.AnswerFd] = peer.fd;
    fields[Field.Answer] = bit;
  }

  /** Begins a run, in place of what is left of the one before. {@link exchange} returns its last echo, or a wrong one. */
  start(peer: Descriptor, run: Run): void {
    const { fields } = this.#memory;
    this.#memory.run.set(run.bytes);
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

  /** Leaves every bit that is no echo to whoever calls {@link exchange}. */
  ignore(): void {
    this.#memory.fields[Field.EchoRoom] = 0;
  }

  /** How many echoes of the run, all as expected, have come since the last time. */
  takeEchoes(): number {
    const echoes = this.#memory.fields[Field.RunEchoed] as number;
    const count = echoes - this.#echoes;
    this.#echoes = echoes;
    return count;
  }

  /** Gives the bits of the peer that is listened to, if more have come, to its receiver. @returns how many */
  takeEchoed(receiver: Pick<FrameReceiver, 'absorb'> | undefined): number {
    const { fields, echo } = this.#memory;
    const length = fields[Field.EchoBytes] as number;
    const bits = fields[Field.EchoBits] as number;
    const count = length * 8 + bits - this.#partialBits;
    if (count === 0) return 0;
    this.#partialBits = bits;
    fields[Field.EchoBytes] = 0;
    receiver?.absorb(echo.subarray(0, length), fields[Field.EchoByte] as number, bits);
    return count;
  }

  /** PID of the process whose bit did not go out: the answer's, or else the run's. */
  get dueTo(): number {
    return this.#memory.fields[this.answers ? Field.AnswerPid : Field.RunPid] as number;
  }

  /** Lets that bit go out in spite of the pause. */
  clearGap(): void {
    this.#addon.clearGap();
  }

  /** Gives that bit up, and the rest of its run. */
  drop(): void {
    if (this.answers) this.#memory.fields[Field.Answer] = NO_ANSWER;
    else this.cancel();
  }

  /** Signals so far that came without their sender. */
  get nameless(): number {
    return this.#memory.fields[Field.Nameless] as number;
  }
}
