import { setImmediate as nextTurn } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { decodeFrame } from '../codec/envelope.ts';
import { inOrder, type PlainCoding } from '../codec/plain-coding.ts';
import { Reason } from '../codec/reason.ts';
import type { Bit } from '../codec/signal-codec.ts';
import { textOf } from '../codec/utf8.ts';
import { Recent } from '../recent.ts';
import { patientTable } from '../registry/patient-table.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { isUsedUp, signalQueue } from '../registry/signal-queue.ts';
import type { Addon } from '../signals/addon.ts';
import { blockInEveryThread } from '../signals/block-threads.ts';
import type { Place } from './acknowledger.ts';
import { Acknowledger, type Acks } from './acknowledger.ts';
import { linkErrors } from './errors.ts';
import type { Verdict } from './frame-receiver.ts';
import { type Heard, type HeardMessage, Hearing, PLAIN_TIMEOUT_MS } from './hearing.ts';
import { type EchoSender, Inbound, type PlainSender, type Sender } from './inbound.ts';
import { messagesOf } from './messages.ts';
import { OutOfStep } from './out-of-step.ts';
import { Outbound } from './outbound.ts';
import { Pump } from './pump.ts';
import type { WireSignal } from './tap.ts';
import { TappedWire } from './tapped-wire.ts';

/** Who sends without waiting for an answer does not wait for us to wake up either; ms. */
const PROMPT_MS = 5;
/** It transmits nothing that needs one. */
const NO_BUS = { holder: 0, isOurs: false, mayBeOurs: false };
/** How many senders' last frames are remembered. */
const MAX_REMEMBERED = 256;

export interface ListenerOptions {
  /** Undefined: with handlers, and without knowing who sends. */
  readonly addon: Addon | undefined;
  readonly table: ProcessTable;
  /** Bound of a received frame in bytes, terminator not counted. */
  readonly maxFrameBytes: number;
  /** That of plain senders. */
  readonly coding: PlainCoding;
  readonly acks: Acks;
  onHeard(heard: Heard): void;
  /** An echo peer gets its answer when this has ended; whoever throws refuses the message. */
  onMessage(message: HeardMessage): void | Promise<void>;
  onWarning(error: unknown): void;
}

/**
 * Receives whatever any process sends, and takes part in no runtime directory: it transmits nothing but answers, which
 * need no bus.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #acknowledger: Acknowledger | undefined;
  readonly #pump: Pump | undefined;
  readonly #inbound: Inbound | undefined;
  readonly #hearing: Hearing;
  /** The last frame that was accepted of each process: one that comes again is a repeat. */
  readonly #accepted = new Recent<string, string>(MAX_REMEMBERED);
  /** The last one that came. */
  #signal: WireSignal | undefined;

  /** Afterwards neither signal can kill this process, and its PID may be published. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    const { addon, table, maxFrameBytes, coding, acks } = options;
    const onTooLong = () => options.onWarning(linkErrors.heardTooMuch(maxFrameBytes));
    this.#hearing = new Hearing(maxFrameBytes, coding, onTooLong);
    if (!addon) {
      process.on('SIGUSR1', () => this.#onHandled(0));
      process.on('SIGUSR2', () => this.#onHandled(1));
      return;
    }
    blockInEveryThread(addon);
    const wire = new TappedWire(addon, this.#onWire);
    const nobody = new OutOfStep(table, NO_BUS);
    const looked = (acks.bit ?? acks.message) ? patientTable(table) : table;
    this.#inbound = new Inbound(looked, addon, maxFrameBytes, wire, {
      decoderFor: (pid) => this.#hearing.decoderFor(pid),
      timeoutMs: PLAIN_TIMEOUT_MS,
      promptMs: PROMPT_MS,
    });
    this.#acknowledger = new Acknowledger(addon, table, options.acks, this.#onWire);
    const outbound = new Outbound(wire, table, nobody);
    this.#pump = new Pump(addon, wire, this.#inbound, outbound, {
      onBit: (sender, bit) => this.#onBit(sender, bit),
      onFrame: (sender, frame) => this.#onFrame(sender as EchoSender, frame),
      onPlain: (sender, body) => this.#onPlain(sender, body),
      onBug: (error) => options.onWarning(error),
    });
    const queue = signalQueue(table.selfPid);
    if (isUsedUp(queue)) options.onWarning(linkErrors.noSignalQueue(table.selfPid, queue));
  }

  /** Sends the answers that are due, and takes no more signals. These stay blocked: a late one cannot hurt. */
  async close(): Promise<void> {
    await nextTurn();
    this.#pump?.takeSignals();
    this.#pump?.close();
    this.#inbound?.close();
    this.#acknowledger?.close();
  }

  readonly #onWire = (signal: WireSignal): void => {
    if (!signal.isSent) this.#signal = signal;
    else this.#options.onHeard({ ...signal, ...this.#hearing.last });
  };

  #onBit(sender: EchoSender | PlainSender, bit: Bit): void {
    if (!this.#signal) return;
    const { heard, place } = this.#hearing.hear(sender, this.#signal);
    this.#options.onHeard(heard);
    if (place && sender.kind === 'plain') this.#acknowledge(sender, bit, place);
  }

  #acknowledge(sender: Sender, bit: Bit, place: Place): void {
    try {
      this.#acknowledger?.onBit(sender, bit, place);
    } catch (error) {
      this.#options.onWarning(error);
    }
  }

  #onPlain(sender: Sender, body: Uint8Array): void {
    const message = { pid: sender.pid, program: this.#hearing.programOf(sender), body };
    void Promise.resolve(this.#options.onMessage({ ...message, peer: 'plain' })).catch(
      this.#options.onWarning,
    );
  }

  #onFrame(sender: EchoSender, frame: Uint8Array): Verdict | Promise<Verdict> {
    const decoded = decodeFrame(frame);
    const bodies = this.#bodiesOf(decoded);
    if (typeof bodies === 'number') return bodies;
    // Without an envelope there is no number: the same again is another message.
    if (decoded.kind !== 'envelope') return this.#take(sender, bodies, () => {});
    const name = `${sender.pid} ${sender.start}`;
    const bytes = Buffer.from(frame).toString('latin1');
    if (this.#accepted.get(name) === bytes) return 0; // its answer did not arrive
    return this.#take(sender, bodies, () => this.#accepted.set(name, bytes));
  }

  async #take(
    sender: EchoSender,
    bodies: readonly Uint8Array[],
    onTaken: () => void,
  ): Promise<Verdict> {
    const { pid } = sender;
    const program = this.#hearing.programOf(sender);
    for (const body of bodies) await this.#options.onMessage({ pid, program, peer: 'echo', body });
    onTaken();
    return 0;
  }

  #bodiesOf(decoded: ReturnType<typeof decodeFrame>): readonly Uint8Array[] | Reason {
    if (decoded.kind === 'damaged') return Reason.Damaged;
    if (decoded.kind === 'unsupported') return Reason.Unsupported;
    if (decoded.kind === 'plain') {
      // Of a program that blocks both signals and knows nothing of envelopes; the test frame of docs/protocol.md,
      // section 4, is no text.
      const body = decoded.body.map((byte) => inOrder(byte, this.#options.coding));
      return textOf(body) === undefined ? Reason.Damaged : [body];
    }
    const { envelope } = decoded;
    if (envelope.control) return Reason.Unsupported;
    const entries = messagesOf(envelope, this.#options.maxFrameBytes);
    return Array.isArray(entries) ? entries.map(({ body }) => body) : entries;
  }

  /** Without the addon. */
  #onHandled(bit: Bit): void {
    const decoder = this.#hearing.decoderFor(0);
    const sender = { pid: 0, start: 0, kind: 'plain', decoder } as const;
    this.#signal = { at: clockMs(), kind: 'bit', isSent: false, bit, pid: 0 };
    this.#onBit(sender, bit);
    const body = decoder.push(bit);
    if (body) this.#onPlain(sender, body);
  }
}
