import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Histogram } from '../histogram.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { Serial } from '../serial.ts';
import type { Addon } from '../signals/addon.ts';
import { blockInEveryThread } from '../signals/block-threads.ts';
import type { LinkCounts } from '../status.ts';
import { Bus } from './bus.ts';
import { linkErrors } from './errors.ts';
import type { FrameOutcome } from './frame-sender.ts';
import { Inbound } from './inbound.ts';
import { OutOfStep } from './out-of-step.ts';
import { Outbound } from './outbound.ts';
import { Pump, SLICE_MS } from './pump.ts';
import type { Receiver } from './receiver.ts';
import type { EchoTarget } from './transfer.ts';
import { type SendOptions, Transmitter } from './transmitter.ts';
import { Wire } from './wire.ts';

/** How often a link that is to close looks whether the last frame is complete; ms. */
const DRAIN_LOOK_MS = 5;
/** A frame without a bit for so long is not waited for; ms. */
const DRAIN_TIMEOUT_MS = 1000;

/** A free bus, one hold of another process, a holder that is stopped, many who wait; s. */
const BUS_WAIT_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export interface EchoLinkOptions {
  readonly dir: string;
  readonly addon: Addon;
  readonly table: ProcessTable;
  /** Bound of a received frame in bytes, terminator not counted. */
  readonly maxFrameBytes: number;
  readonly receiver: Receiver;
  /** Default: an ordinary one. */
  readonly wire?: Wire | undefined;
}

/** The right to transmit, for the length of one {@link EchoLink.withBus}. */
export interface Channel {
  /**
   * Sends one frame (with its zero byte) to an echo peer. Whoever gets an error does not know whether
   * the frame arrived: send it again under the same sequence number.
   * @throws LinkError peer-gone, peer-stalled, bus-lost, out-of-step, unsafe-target, not-echo, link-closed
   */
  send(target: EchoTarget, frame: Uint8Array, options?: SendOptions): Promise<FrameOutcome>;
}

/**
 * The two signals of this process under the echo protocol (docs/protocol.md, sections 4 and 5): takes
 * frames from any number of peers and sends them to one at a time.
 */
export class EchoLink {
  readonly #bus: Bus;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #pump: Pump;
  readonly #transmitter: Transmitter;
  readonly #turns = new Serial();
  readonly #busWaits = new Histogram(BUS_WAIT_BOUNDS);
  #closed = false;
  /** When the event loop had its last turn, as far as we know. */
  #breathedAt = clockMs();

  /** Blocks both signals in every thread; afterwards the PID may be published. */
  constructor({ dir, addon, table, maxFrameBytes, receiver, wire: given }: EchoLinkOptions) {
    blockInEveryThread(addon);
    this.#bus = new Bus(dir, addon, table);
    const wire = given ?? new Wire(addon);
    const outOfStep = new OutOfStep(table, this.#bus);
    this.#inbound = new Inbound(table, addon, maxFrameBytes, wire);
    this.#outbound = new Outbound(wire, table, outOfStep);
    this.#pump = new Pump(addon, wire, this.#inbound, this.#outbound, receiver);
    this.#transmitter = new Transmitter(
      addon,
      table,
      outOfStep,
      this.#inbound,
      this.#outbound,
      this.#pump,
    );
  }

  /**
   * Runs `work` while this process has the bus; calls queue up. Keep it short: the others wait.
   * @throws what `work` throws, and the reason of `signal` when it aborts the wait for the bus.
   */
  withBus<T>(work: (channel: Channel) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#turns.add(async () => {
      if (this.#closed) throw linkErrors.closed();
      const asked = clockMs();
      const lease = await this.#bus.take(signal);
      this.#busWaits.add(clockMs() - asked);
      const send: Channel['send'] = async (target, frame, options = {}) => {
        await this.#breathe();
        if (this.#closed) throw linkErrors.closed();
        return this.#transmitter.send(lease, target, frame, options);
      };
      try {
        return await work({ send });
      } finally {
        lease.release();
      }
    });
  }

  /** Waits until the frame that is being received, if any, is complete. */
  async drained(): Promise<void> {
    const goesOn = () => clockMs() - this.#inbound.lastBitAt < DRAIN_TIMEOUT_MS;
    while (this.#inbound.moving && goesOn()) await sleep(DRAIN_LOOK_MS);
  }

  /** When the last signal came of a frame that is on its way to us, by `clockMs()`; undefined: none is. */
  get lastSignalAt(): number | undefined {
    return this.#inbound.lastSignalAt(clockMs());
  }

  /** What has happened so far. */
  get counts(): LinkCounts {
    const { bits: bitsSent } = this.#outbound;
    const { bits: bitsReceived, foreign: foreignSignals } = this.#pump;
    return { bitsSent, bitsReceived, foreignSignals, busWaits: this.#busWaits.counted };
  }

  /** Ends everything. The signals stay blocked, so that a late echo cannot hurt. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#pump.close();
    this.#outbound.close();
    await this.#turns.ended;
    this.#inbound.close();
    this.#bus.close();
  }

  /** Short frames, one after the other, need no turn of the event loop; everybody else in the process does. */
  async #breathe(): Promise<void> {
    if (clockMs() - this.#breathedAt < SLICE_MS) return;
    await nextTurn();
    this.#breathedAt = clockMs();
  }
}
