import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import { type Bit, SignalCodec } from '../codec/signal-codec.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { isUsedUp, signalQueue } from '../registry/signal-queue.ts';
import { Serial } from '../serial.ts';
import { type Addon, loadAddon } from '../signals/addon.ts';
import { Descriptor } from '../signals/descriptor.ts';
import { isMainThread } from '../signals/main-thread.ts';
import { type Channel, EchoLink } from './echo-link.ts';
import { linkErrors } from './errors.ts';
import type { Verdict } from './frame-receiver.ts';
import type { Sender } from './inbound.ts';
import { Packer } from './model.ts';
import { byPid, type PacedOptions, sendPaced } from './paced-sender.ts';
import { PlainLink } from './plain-link.ts';
import type { Receiver } from './receiver.ts';
import type { Tap } from './tap.ts';
import type { PlainTarget } from './transfer.ts';
import type { Wire } from './wire.ts';

export type { Receiver };

/** Judges a frame of an echo peer, or leaves it to others: undefined. */
export type Judge = (sender: Sender, frame: Uint8Array) => Verdict | undefined;

/** The longest delay of setInterval, which keeps the event loop alive; ms. */
const FOR_EVER_MS = 0x7fff_ffff;

/** For a frame of messages that this process sends; see docs/protocol.md, *Sequence*. */
export interface Numbers {
  /** All frames of messages that this process has sent are counted, from 0. */
  readonly number: number;
  /** The incarnation that has confirmed all frames before it; undefined: none has. */
  readonly knownTo: number | undefined;
  /** What that broker and this process have learned of its messages. */
  readonly packer: Packer;
}

export interface EndpointOptions {
  readonly dir: string;
  readonly table: ProcessTable;
  /** Bound of a received frame in bytes, terminator not counted. */
  readonly maxFrameBytes: number;
  /** Left out by who only sends; a process has one PID and so one receiver. Keeps the process alive. */
  readonly receiver?: Receiver;
}

/**
 * The two signals of this process, with the addon or without. There is one of them: a producer and a
 * consumer in one process share it, and end their share with {@link close}.
 */
export class Endpoint {
  static #current: Endpoint | undefined;
  /** Of the process, not of an endpoint: a receiver knows us by our PID. */
  static #number = 0;
  static #knownTo: number | undefined;
  static readonly #packer = new Packer();
  static readonly #turns = new Serial();
  static #tap: { readonly tap: Tap; readonly wireOf: (addon: Addon, tap: Tap) => Wire } | undefined;

  /** Undefined where the addon cannot load; {@link plainBecause} says why. */
  readonly echo: EchoLink | undefined;
  readonly plainBecause: string | undefined;
  readonly #addon: Addon | undefined;
  readonly #plain: PlainLink | undefined;
  readonly #dir: string;
  readonly #table: ProcessTable;
  #receiver: Receiver | undefined;
  readonly #listeners = new Set<Judge>();
  #keepAlive: NodeJS.Timeout | undefined;
  #users = 0;

  /**
   * From the next one that is opened on, each signal of this process is told; costs speed.
   * @param wireOf makes a wire that tells of its signals, which is not loaded otherwise
   */
  static tapWith(tap: Tap, wireOf: (addon: Addon, tap: Tap) => Wire): void {
    Endpoint.#tap = { tap, wireOf };
  }

  /**
   * Afterwards neither signal can kill this process, and its PID may be published.
   * @throws LinkError not-main-thread, one-directory, one-receiver
   */
  static open(options: EndpointOptions): Endpoint {
    if (!isMainThread()) throw linkErrors.notMainThread();
    const endpoint = Endpoint.#current ?? new Endpoint(options);
    if (endpoint.#dir !== options.dir) throw linkErrors.oneDirectory(endpoint.#dir);
    if (options.receiver) {
      if (endpoint.#receiver) throw linkErrors.oneReceiver();
      endpoint.#receiver = options.receiver;
      endpoint.#keepAlive = setInterval(() => {}, FOR_EVER_MS);
    }
    endpoint.#users++;
    Endpoint.#current = endpoint;
    const queue = signalQueue(process.pid);
    if (endpoint.echo && isUsedUp(queue)) {
      options.receiver?.onBug(linkErrors.noSignalQueue(process.pid, queue));
    }
    return endpoint;
  }

  private constructor({ dir, table, maxFrameBytes }: EndpointOptions) {
    this.#dir = dir;
    this.#table = table;
    const { addon, why } = loadAddon();
    this.#addon = addon;
    this.plainBecause = why;
    // The receiver comes and goes, and the link stays.
    const receiver: Receiver = {
      onFrame: (sender, frame) =>
        this.#heard(sender, frame) ?? this.#receiver?.onFrame(sender, frame) ?? Reason.Unsupported,
      onPlain: (sender, body) => this.#receiver?.onPlain(sender, body),
      unpackerFor: (sender) => this.#receiver?.unpackerFor?.(sender),
      lingers: () => this.#receiver?.lingers?.() === true,
      onBug: (error) => this.#receiver?.onBug(error),
    };
    const tapped = Endpoint.#tap;
    const wire = addon && tapped?.wireOf(addon, tapped.tap);
    if (addon) this.echo = new EchoLink({ dir, addon, table, maxFrameBytes, receiver, wire });
    else this.#plain = new PlainLink({ dir, maxFrameBytes, onPlain: receiver.onPlain });
  }

  /**
   * Runs `work` with the number of the next frame of this process when all earlier ones have been answered or given
   * up: a receiver takes what comes out of order for a repeat. When `work` fails nobody knows whether its frame
   * arrived; the number is not used again.
   * @param work returns the incarnation that has confirmed the frame
   * @throws what `work` throws, and the reason of `signal` when it aborts the wait for the earlier ones
   */
  async numbered(
    work: (numbers: Numbers) => Promise<number | undefined>,
    signal?: AbortSignal,
  ): Promise<void> {
    await Endpoint.#turns.add(async () => {
      const numbers = {
        number: Endpoint.#number++,
        knownTo: Endpoint.#knownTo,
        packer: Endpoint.#packer,
      };
      Endpoint.#knownTo = undefined;
      Endpoint.#knownTo = await work(numbers);
    }, signal);
  }

  /** Runs `work` while no other sigmq process of the directory transmits. */
  async exclusively<T>(work: (channel?: Channel) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.echo) return this.echo.withBus(work, signal);
    return (this.#plain as PlainLink).withBus(work, signal);
  }

  /** Sends a body to a plain peer. @throws CodecError zero-byte, LinkError, the reason of the signal */
  async sendPlain(target: PlainTarget, body: Uint8Array, options?: PacedOptions): Promise<void> {
    return this.sendSignals(target, SignalCodec.encode(body), options);
  }

  /** Sends a frame (with its zero byte) to a plain peer, whatever it means there. @throws LinkError, the reason of the signal */
  async sendSignals(target: PlainTarget, frame: Uint8Array, options?: PacedOptions): Promise<void> {
    const { pid } = target;
    const peer = this.#addon ? new Descriptor(this.#addon, pid) : undefined;
    const kill = peer && peer.fd >= 0 ? (bit: Bit) => peer.kill(bit) : byPid(pid);
    const tap = Endpoint.#tap?.tap;
    const send = (bit: Bit) => {
      tap?.({ at: clockMs(), kind: 'bit', isSent: true, bit, pid });
      kill(bit);
    };
    try {
      await sendPaced(target, frame, this.#table, options, send);
    } finally {
      peer?.close();
    }
  }

  /**
   * From now on this one is given each frame first: a process that waits for something need not be the one that
   * receives. @returns ends that
   */
  listen(listener: Judge): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #heard(sender: Sender, frame: Uint8Array): Verdict | undefined {
    for (const listener of this.#listeners) {
      const verdict = listener(sender, frame);
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  /** Waits until the frame that is being received, if any, is complete. */
  async drained(): Promise<void> {
    await this.echo?.drained();
  }

  /** When the last signal came of a frame that is on its way to us, by `clockMs()`; undefined: none is. */
  get lastSignalAt(): number | undefined {
    return (this.echo ?? this.#plain)?.lastSignalAt;
  }

  /** Ends one user's share. @param receiver as given to {@link open} */
  async close(receiver?: Receiver): Promise<void> {
    if (receiver && receiver === this.#receiver) {
      this.#receiver = undefined;
      clearInterval(this.#keepAlive);
    }
    if (--this.#users > 0) return;
    Endpoint.#current = undefined;
    await (this.echo ?? this.#plain)?.close();
  }
}
