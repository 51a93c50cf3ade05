import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import type { Bit } from '../codec/signal-codec.ts';
import { guarded } from '../guarded.ts';
import { type Addon, Exchange, type Watcher } from '../signals/addon.ts';
import { Arrival } from './arrival.ts';
import { linkErrors } from './errors.ts';
import { JUDGE, SILENT, type Verdict } from './frame-receiver.ts';
import { type EchoSender, FRAME_TIMEOUT_MS, type Inbound } from './inbound.ts';
import type { Outbound } from './outbound.ts';
import type { Receiver } from './receiver.ts';
import { SEND_ONLY, type Wire } from './wire.ts';

/** How long the pump keeps the event loop from its timers and other events; ms. */
export const SLICE_MS = 10;
/**
 * How long the pump sleeps in the kernel for the next bit of a moving frame before it goes back to the
 * event loop, which costs more to wake; µs.
 */
const PATIENCE_US = 3000;
/** The broker's pause between two deliveries is some 0.3 ms; waking up costs a tenth of that, or more; ms. */
const LINGER_MS = 1;
/** Pause after a signal that could not be dealt with; ms. */
const TROUBLE_MS = 10;
/** Signals without a sender are spoken of so often at most; ms. */
const NAMELESS_MS = 60_000;

/** Takes signals off the wire as long as they come, and gives each to whom it is for. */
export class Pump {
  readonly #addon: Pick<Addon, 'watch' | 'arm' | 'unwatch'>;
  readonly #wire: Wire;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #receiver: Receiver;
  readonly #arrival: Arrival;
  readonly #watcher: Watcher;
  #pumping = false;
  #armed = true;
  #closed = false;
  #sweep: NodeJS.Timeout | undefined;
  /** Signals without a sender that were spoken of, and when more of them may be. */
  #nameless = 0;
  #namelessAgainAt = 0;
  #bits = 0;
  #foreign = 0;

  constructor(
    addon: Pick<Addon, 'watch' | 'arm' | 'unwatch'>,
    wire: Wire,
    inbound: Inbound,
    outbound: Outbound,
    receiver: Receiver,
  ) {
    this.#addon = addon;
    this.#wire = wire;
    this.#inbound = inbound;
    this.#outbound = outbound;
    this.#receiver = receiver;
    this.#arrival = new Arrival((sender) => receiver.unpackerFor?.(sender));
    this.#watcher = addon.watch(-1, this.takeSignals, false);
  }

  /** Bits of echo peers that were taken, ever. */
  get bits(): number {
    return this.#bits;
  }

  /** Signals of all other processes, ever. */
  get foreign(): number {
    return this.#foreign + this.#wire.nameless;
  }

  /** Takes no more signals. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweep);
    this.#addon.unwatch(this.#watcher);
  }

  /** Takes what is pending and what comes soon, a slice at a time. */
  readonly takeSignals = (): void => {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    try {
      if (this.#takeSlice()) setImmediate(this.takeSignals);
      else {
        this.#arm(true);
        if (this.#inbound.moving) this.#sweepLater();
      }
    } catch (error) {
      // Of a process that cannot be looked at, for want of descriptors: its bit counts for nothing, it gets no
      // echo, and sends again. Others go on, after a pause, because it may be so for each of their bits.
      this.#arm(false);
      setTimeout(this.takeSignals, TROUBLE_MS);
      this.#receiver.onBug(error);
    } finally {
      this.#pumping = false;
    }
    this.#countNameless();
  };

  /** True when the slice ended before the signals did. */
  #takeSlice(): boolean {
    const started = clockMs();
    for (let now = started; now - started < SLICE_MS; now = clockMs()) {
      const moving = this.#outbound.busy || this.#inbound.moving;
      if (moving) this.#arm(false);
      this.#listen();
      const event = this.#exchange(moving ? PATIENCE_US : this.#lingerUs(now));
      if (event === Exchange.More) continue;
      if (event <= 0) {
        if (event === Exchange.Ended) this.#outbound.giveUpGone();
        return false;
      }
      this.#onSignal(event >>> 1, (event & 1) as Bit, now);
    }
    this.#exchange(SEND_ONLY);
    return true;
  }

  /** In the middle of a frame an echo is a matter of course. */
  #listen(): void {
    const { last } = this.#inbound;
    const isSeen = this.#receiver.onBit !== undefined;
    if (!last || isSeen || this.#outbound.expects(last.pid)) this.#wire.ignore();
    else this.#wire.listen(last.peer, last.receiver);
  }

  /** How long to wait for the next frame when there was one just now; µs. */
  #lingerUs(now: number): number {
    if (!this.#receiver.lingers?.() || now - this.#inbound.lastBitAt > LINGER_MS) return 0;
    this.#arm(false);
    return LINGER_MS * 1000;
  }

  /** The next signal that is no routine, as `pid * 2 + bit`; or Exchange.None, Ended or More. */
  #exchange(us: number): number {
    for (;;) {
      const event = this.#wire.exchange(us, this.#outbound.pidfd);
      this.#outbound.takeEchoes();
      this.#takeEchoed();
      if (event >= Exchange.More) return event;
      const pid = this.#wire.dueTo;
      // Again and again on a busy machine: this process may lose the CPU between the look and the bit.
      if (event === Exchange.Gap && this.#outbound.mayGoOn(pid, this.#inbound.startOf(pid))) {
        this.#wire.clearGap();
        continue;
      }
      this.#wire.drop();
      if (event === Exchange.Unreachable) {
        this.#outbound.giveUpGone(pid);
        this.#inbound.drop(pid);
      }
      return Exchange.None;
    }
  }

  #takeEchoed(): void {
    const bits = this.#inbound.takeEchoed();
    this.#bits += bits;
    const { last } = this.#inbound;
    if (bits > 0 && last) this.#arrival.goesOn(last);
  }

  #onSignal(pid: number, bit: Bit, now: number): void {
    if (this.#outbound.takeSignal(pid, bit, now)) return;
    const sender = this.#inbound.sender(pid, now);
    this.#receiver.onBit?.(sender, bit);
    if (sender.kind === 'plain') {
      this.#foreign++;
      const body = sender.decoder.push(bit);
      if (body) this.#receiver.onPlain(sender, body);
      return;
    }
    if (this.#outbound.takeStray(sender, now)) return;
    this.#bits++;
    const reply = sender.receiver.onBit(bit);
    if (reply === JUDGE) this.#judge(sender, sender.receiver.frame as Uint8Array);
    else if (reply !== SILENT) this.#wire.answer(sender.peer, reply);
  }

  #judge(sender: EchoSender, frame: Uint8Array): void {
    this.#arrival.ended();
    const refuse = (error: unknown) => {
      this.#receiver.onBug(error);
      return Reason.Store;
    };
    let verdict: Verdict | Promise<Verdict | undefined>;
    try {
      verdict = this.#receiver.onFrame(sender, frame);
    } catch (error) {
      verdict = refuse(error);
    }
    if (typeof verdict === 'number') {
      this.#answer(sender, frame, verdict);
      return;
    }
    void verdict
      .catch(refuse)
      // A store may take seconds: the sender may have ended, and its PID be another's.
      .then((late) => {
        if (late !== undefined && this.#inbound.isStill(sender)) this.#answer(sender, frame, late);
      })
      .catch((error) => this.#receiver.onBug(error))
      .then(this.takeSignals);
  }

  #answer(sender: EchoSender, frame: Uint8Array, verdict: Verdict): void {
    if (this.#closed || sender.receiver.frame !== frame) return; // the sender gave up meanwhile
    const bit = sender.receiver.answer(verdict);
    if (this.#wire.answers) this.#exchange(SEND_ONLY); // of another one that came late
    this.#wire.answer(sender.peer, bit);
  }

  /** Called when no signal is pending. */
  #sweepLater(): void {
    if (this.#sweep || !this.#inbound.sweep()) return;
    const sweep = () => {
      this.takeSignals(); // what came while this process stood still
      this.#sweep = undefined;
      this.#sweepLater();
    };
    this.#sweep = setTimeout(
      guarded(sweep, (error) => this.#receiver.onBug(error)),
      FRAME_TIMEOUT_MS,
    ).unref();
  }

  /** Whether a signal wakes the event loop, which is slow, and needless while we take signals ourselves. */
  #arm(on: boolean): void {
    if (this.#armed === on || this.#closed) return;
    this.#armed = on;
    this.#addon.arm(this.#watcher, on);
  }

  /** Reports signals without a sender, but only now and then: a storm of them may come. */
  #countNameless(): void {
    const { nameless } = this.#wire;
    const now = clockMs();
    if (nameless === this.#nameless || now < this.#namelessAgainAt) return;
    this.#receiver.onBug(linkErrors.nameless(nameless - this.#nameless));
    this.#nameless = nameless;
    this.#namelessAgainAt = now + NAMELESS_MS;
  }
}
