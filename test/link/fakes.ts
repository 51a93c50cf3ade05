import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { decodeFrame, encodeEnvelope } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import { type Bit, SignalCodec } from '../../src/codec/signal-codec.ts';
import { FrameReceiver, JUDGE, SILENT, type Verdict } from '../../src/link/frame-receiver.ts';
import type { Next } from '../../src/link/frame-sender.ts';
import { type Addon, type Bits, Exchange, PAIR, type Watcher } from '../../src/signals/addon.ts';
import { utf8 } from '../codec/vectors.ts';

/** The frame of a message, with its zero byte. */
export function frameOf(text: string, seq = 1): Uint8Array {
  const envelope = { seq, body: utf8(text), more: false, control: false, fields: {} };
  return SignalCodec.encode(encodeEnvelope(envelope));
}

/** The bits that a sender asks for; none for FINISHED and AWAIT. */
export function bitsOf(next: Next): Bit[] {
  if (next === PAIR) return [0, 1];
  return next === 0 || next === 1 ? [next] : [];
}

export type Judge = (frame: Uint8Array) => Verdict;

/** As a receiver of ours judges: by the checksum. */
export const byChecksum: Judge = (frame) =>
  decodeFrame(frame).kind === 'envelope' ? 0 : Reason.Damaged;

/** A process that receives frames, and remembers those that it accepted. */
export class Peer {
  readonly receiver: FrameReceiver;
  readonly accepted: Uint8Array[] = [];
  readonly #judge: Judge;

  constructor(judge: Judge = byChecksum, maxFrameBytes = 1000) {
    this.receiver = new FrameReceiver(maxFrameBytes);
    this.#judge = judge;
  }

  /** Its echo; undefined: none. */
  take(bit: Bit): Bit | undefined {
    const reply = this.receiver.onBit(bit);
    if (reply === SILENT) return undefined;
    if (reply !== JUDGE) return reply;
    const frame = this.receiver.frame as Uint8Array;
    const verdict = this.#judge(frame);
    if (verdict === 0) this.accepted.push(frame);
    return this.receiver.answer(verdict);
  }
}

/** The clock of src/clock.ts and the global timers, which move when they are told to. */
export class FakeClock {
  ms = 1000;
  /** How far the clock moves with each look at it. */
  perLook = 0;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.now() });
    t.mock.method(process, 'hrtime', () => {
      this.ms += this.perLook;
      return [Math.floor(this.ms / 1000), (this.ms % 1000) * 1e6];
    });
  }

  /** In steps of 10 ms, each followed by what became possible. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      this.ms += 10;
      this.#t.mock.timers.tick(10);
      await turn();
    }
  }
}

/** What the kernel does with signals, and processes that answer them. */
export class FakeAddon implements Addon {
  /** What a process answers to a bit; a missing one cannot be reached. */
  readonly peers = new Map<number, (bit: Bit) => Bit | undefined>();
  /** What exchange() returns next. */
  readonly events: number[] = [];
  gap = false;

  exchange(pid: number, bits: Bits, us: number): number {
    if (pid > 0) {
      if (this.gap) return Exchange.Gap;
      const peer = this.peers.get(pid);
      if (!peer) return Exchange.Unreachable;
      for (const bit of bitsOf(bits)) {
        const echo = peer(bit);
        if (echo !== undefined) this.events.push(pid * 2 + echo);
      }
    }
    return us < 0 ? Exchange.None : (this.events.shift() ?? Exchange.None);
  }

  clearGap(): void {
    this.gap = false;
  }

  pidfd(): number {
    return -1;
  }

  block: () => number = () => 0;
  nudge: (tid: number) => number = () => 0;
  writable = () => 1;
  lock = () => 0;
  monotonic = () => 0;
  watch = () => ({}) as Watcher;
  arm(): void {}
  unwatch(): void {}
}
