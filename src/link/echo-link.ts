import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import type { Bit } from '../codec/signal-codec.ts';
import { guarded } from '../guarded.ts';
import type { ProcessTable } from '../registry/process-table.ts';
import { type Addon, Exchange, type Watcher } from '../signals/addon.ts';
import { blockInEveryThread } from '../signals/block-threads.ts';
import { Bus } from './bus.ts';
import { linkErrors } from './errors.ts';
import { JUDGE, SILENT, type Verdict } from './frame-receiver.ts';
import type { FrameOutcome } from './frame-sender.ts';
import { type EchoSender, Inbound, type Sender, SILENT_MS } from './inbound.ts';
import { Outbound, type SendOptions } from './outbound.ts';
import type { EchoTarget } from './transfer.ts';

/** How long the pump keeps the event loop from its timers and other events; ms. */
const SLICE_MS = 10;
/**
 * How long the pump sleeps in the kernel for the next bit of a moving frame before it goes back to the
 * event loop, which costs more to wake; µs.
 */
const PATIENCE_US = 3000;
/** How often a link that is to close looks whether the last frame is complete; ms. */
const DRAIN_LOOK_MS = 5;
/** A frame without a bit for so long is not waited for; ms. */
const DRAIN_SILENCE_MS = 1000;

/** The broker's pause between two deliveries is some 0.3 ms; waking up costs a tenth of that, or more; ms. */
const LINGER_MS = 1;
/** Pause after a signal that could not be dealt with; ms. */
const TROUBLE_MS = 10;
/** Signals without a sender are spoken of so often at most; ms. */
const NAMELESS_MS = 60_000;

export interface EchoLinkOptions {
  readonly dir: string;
  readonly addon: Addon;
  readonly table: ProcessTable;
  /** Bound of a received frame in bytes, terminator not counted. */
  readonly maxFrameBytes: number;
  /** Judges a frame from an echo peer. An exception is a bug: it is reported, and the frame refused. */
  onFrame(sender: Sender, frame: Uint8Array): Verdict | Promise<Verdict>;
  /** Whether there is nothing better to do after a frame than to wait for the next for a moment. */
  lingers?(): boolean;
  /** Takes a message from a plain peer. */
  onPlain(sender: Sender, body: Uint8Array): void;
  /** Told of an exception, and of signals that nobody can be answered for. */
  onBug(error: unknown): void;
}

/** The right to transmit, for the length of one {@link EchoLink.withBus}. */
export interface Channel {
  /**
   * Sends one frame (with its zero byte) to an echo peer. Whoever gets an error does not know whether
   * the frame arrived: send it again under the same sequence number.
   * @throws LinkError peer-gone, peer-stalled, bus-lost, out-of-step, unsafe-target, link-closed
   */
  send(target: EchoTarget, frame: Uint8Array, options?: SendOptions): Promise<FrameOutcome>;
}

/**
 * The two signals of this process under the echo protocol (docs/protocol.md, sections 4 and 5): takes
 * frames from any number of peers and sends them to one at a time. Drives the machines of this folder.
 */
export class EchoLink {
  readonly #addon: Addon;
  readonly #options: EchoLinkOptions;
  readonly #bus: Bus;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #watcher: Watcher;
  #pumping = false;
  #armed = true;
  #closed = false;
  #sweep: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** When the event loop had its last turn, as far as we know. */
  #breathedAt = clockMs();
  /** Signals without a sender that were spoken of, and when more of them may be. */
  #nameless = 0;
  #namelessAgainAt = 0;

  /** Blocks both signals in every thread; afterwards the PID may be published. */
  constructor(options: EchoLinkOptions) {
    this.#options = options;
    this.#addon = options.addon;
    blockInEveryThread(options.addon);
    this.#bus = new Bus(options.dir, options.addon, options.table);
    this.#inbound = new Inbound(options.table, options.addon, options.maxFrameBytes);
    this.#outbound = new Outbound(options.addon, options.table, this.#pump, this.#inbound);
    this.#watcher = this.#addon.watch(-1, this.#pump, false);
  }

  /**
   * Runs `work` while this process has the bus; calls queue up. Keep it short: the others wait.
   * @throws what `work` throws, and the reason of `signal` when it aborts the wait for the bus.
   */
  withBus<T>(work: (channel: Channel) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const mine = this.#turn.then(() => this.#withBus(work, signal));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** Waits until the frame that is being received, if any, is complete. */
  async drained(): Promise<void> {
    const goesOn = () => clockMs() - this.#inbound.lastBitAt < DRAIN_SILENCE_MS;
    while (this.#inbound.moving && goesOn()) await sleep(DRAIN_LOOK_MS);
  }

  /** When the last signal came of a frame that is on its way to us, by `clockMs()`; undefined: none is. */
  get lastSignalAt(): number | undefined {
    return this.#inbound.lastSignalAt(clockMs());
  }

  /** Ends everything. The signals stay blocked, so that a late echo cannot hurt. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#sweep);
    this.#outbound.giveUp(linkErrors.closed());
    this.#addon.unwatch(this.#watcher);
    await this.#turn;
    this.#inbound.close();
    this.#bus.close();
  }

  async #withBus<T>(work: (channel: Channel) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#closed) throw linkErrors.closed();
    const hold = await this.#bus.take(signal);
    this.#outbound.hold = hold;
    const send: Channel['send'] = async (target, frame, options = {}) => {
      await this.#breathe();
      if (this.#closed) throw linkErrors.closed();
      return this.#outbound.send(target, frame, options);
    };
    try {
      return await work({ send });
    } finally {
      this.#outbound.hold = undefined;
      hold.release();
    }
  }

  /** Short frames, one after the other, need no turn of the event loop; everybody else in the process does. */
  async #breathe(): Promise<void> {
    if (clockMs() - this.#breathedAt < SLICE_MS) return;
    await nextTurn();
    this.#breathedAt = clockMs();
  }

  /** Takes signals as long as they come, a slice at a time. */
  readonly #pump = (): void => {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    try {
      if (this.#takeSlice()) setImmediate(this.#pump);
      else {
        this.#arm(true);
        if (this.#inbound.moving) this.#sweepLater();
      }
    } catch (error) {
      // Of a process that cannot be looked at, for want of descriptors: its bit counts for nothing, it gets no
      // echo, and sends again. Others go on, after a pause, because it may be so for each of their bits.
      this.#arm(false);
      setTimeout(this.#pump, TROUBLE_MS);
      this.#options.onBug(error);
    } finally {
      this.#pumping = false;
    }
    this.#countNameless();
  };

  /** Said now and then, as a storm of them may come. */
  #countNameless(): void {
    const { nameless } = this.#outbound.wire;
    const now = clockMs();
    if (nameless === this.#nameless || now < this.#namelessAgainAt) return;
    this.#options.onBug(linkErrors.nameless(nameless - this.#nameless));
    this.#nameless = nameless;
    this.#namelessAgainAt = now + NAMELESS_MS;
  }

  /** Called when no signal is pending. */
  #sweepLater(): void {
    if (this.#sweep || !this.#inbound.sweep()) return;
    const sweep = () => {
      this.#pump(); // what came while this process stood still
      this.#sweep = undefined;
      this.#sweepLater();
    };
    this.#sweep = setTimeout(guarded(sweep, this.#options.onBug), SILENT_MS).unref();
  }

  /** True when the slice ended before the signals did. */
  #takeSlice(): boolean {
    const { wire } = this.#outbound;
    const started = clockMs();
    for (let now = started; now - started < SLICE_MS; now = clockMs()) {
      const moving = this.#outbound.busy || this.#inbound.moving;
      if (moving) this.#arm(false);
      this.#listen();
      const event = wire.next(moving ? PATIENCE_US : this.#lingerUs(now), this.#outbound.pidfd);
      if (event === Exchange.More) continue;
      if (event <= 0) {
        if (event === Exchange.Ended) this.#outbound.giveUpGone();
        return false;
      }
      this.#onSignal(event >>> 1, (event & 1) as Bit, now);
    }
    wire.flush();
    return true;
  }

  /** In the middle of a frame an echo is a matter of course. */
  #listen(): void {
    const sender = this.#inbound.last;
    const { wire } = this.#outbound;
    if (!sender || this.#outbound.expects(sender.pid)) wire.ignore();
    else wire.listen(sender.peer, sender.receiver);
  }

  /** So long to wait for the next frame when there was one just now. */
  #lingerUs(now: number): number {
    if (!this.#options.lingers?.() || now - this.#inbound.lastBitAt > LINGER_MS) return 0;
    this.#arm(false);
    return LINGER_MS * 1000;
  }

  /** Whether the event loop wakes us for a signal; needless, and slow, while we take them ourselves. */
  #arm(on: boolean): void {
    if (this.#armed === on || this.#closed) return;
    this.#armed = on;
    this.#addon.arm(this.#watcher, on);
  }

  readonly #holdsBus = (pid: number): boolean => this.#bus.holder === pid;

  #onSignal(pid: number, bit: Bit, now: number): void {
    if (this.#outbound.onSignal(pid, bit, now, this.#holdsBus)) return;
    const sender = this.#inbound.sender(pid, now);
    if (sender.kind === 'plain') {
      const body = sender.decoder.push(bit);
      if (body) this.#options.onPlain(sender, body);
      return;
    }
    const reply = sender.receiver.onBit(bit);
    if (reply === JUDGE) this.#judge(sender);
    else if (reply !== SILENT) this.#outbound.wire.answer(sender.peer, reply);
  }

  #judge(sender: EchoSender): void {
    const frame = sender.receiver.frame as Uint8Array;
    const answer = (verdict: Verdict) => {
      if (this.#closed || sender.receiver.frame !== frame) return; // the sender gave up meanwhile
      this.#outbound.wire.answer(sender.peer, sender.receiver.answer(verdict));
    };
    try {
      const verdict = this.#options.onFrame(sender, frame);
      if (typeof verdict === 'number') answer(verdict);
      else {
        void verdict
          .catch((error) => {
            this.#options.onBug(error);
            return Reason.Store;
          })
          // A store may take seconds: the sender may have ended, and its PID be another's.
          .then((late) => (this.#inbound.isStill(sender) ? answer(late) : undefined))
          .catch((error) => this.#options.onBug(error))
          .then(this.#pump);
      }
    } catch (error) {
      this.#options.onBug(error);
      answer(Reason.Store);
    }
  }
}
