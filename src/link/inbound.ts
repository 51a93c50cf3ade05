import { clockMs } from '../clock.ts';
import type { Bit } from '../codec/signal-codec.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { Descriptor, type DescriptorPort } from '../signals/descriptor.ts';
import { FrameReceiver } from './frame-receiver.ts';
import { PlainDecoder } from './plain-decoder.ts';
import type { Wire } from './wire.ts';

/** Senders at once. More processes than one machine's users start on purpose; 256 decoders are small. */
const MAX_SENDERS = 256;
/** A sender that says nothing for so long has given up its frame; ms. */
export const FRAME_TIMEOUT_MS = 2000;
/** A sender that has not begun to ask for a reason by then will not; ms. */
const REASON_TIMEOUT_MS = 100;

/** A process that sends us bits, known by the PID that the kernel gives with each signal. */
export interface Sender {
  readonly pid: number;
  readonly start: number;
}

/** A sender that blocks both signals: gets an echo. */
export interface EchoSender extends Sender {
  readonly kind: 'echo';
  readonly peer: Descriptor;
  readonly receiver: FrameReceiver;
}

/** Any other sender: never gets a signal. */
export interface PlainSender extends Sender {
  readonly kind: 'plain';
  readonly decoder: PlainFrames;
}

/** Puts the bits of plain senders together. */
export interface PlainFrames {
  /** Between two messages. */
  readonly idle: boolean;
  /** A complete, non-empty message; else undefined. */
  push(bit: Bit): Uint8Array | undefined;
  reset(): void;
}

/** How plain senders are dealt with. */
export interface PlainListening {
  /** Called at the first bit of a process. */
  decoderFor(pid: number): PlainFrames;
  /** After so long a silence an unfinished message is dropped; ms. */
  readonly timeoutMs: number;
  /** So long after a bit of a message the next one is waited for as in a frame; 0: not at all; ms. */
  readonly promptMs: number;
}

/** `seen`: time of the last signal; `spoke`: since the last sweep. */
interface Seen {
  seen: number;
  spoke: boolean;
}
type Known = (EchoSender | PlainSender) & Seen;

/** One decoder per sender (docs/protocol.md, section 4, *Decoders*). */
export class Inbound {
  readonly #senders = new Map<number, Known>();
  readonly #table: ProcessTable;
  readonly #addon: DescriptorPort;
  readonly #maxFrameBytes: number;
  readonly #wire: Pick<Wire, 'takeEchoed'>;
  readonly #plain: PlainListening;
  #last: (EchoSender & Seen) | undefined;
  #lastPlain: (PlainSender & Seen) | undefined;

  constructor(
    table: ProcessTable,
    addon: DescriptorPort,
    maxFrameBytes: number,
    wire: Pick<Wire, 'takeEchoed'>,
    plain: PlainListening = {
      decoderFor: () => new PlainDecoder(maxFrameBytes),
      timeoutMs: FRAME_TIMEOUT_MS,
      promptMs: 0,
    },
  ) {
    this.#plain = plain;
    this.#table = table;
    this.#addon = addon;
    this.#maxFrameBytes = maxFrameBytes;
    this.#wire = wire;
  }

  /** The sender of a signal; looks at the process at the start of each frame. */
  sender(pid: number, now: number): EchoSender | PlainSender {
    // Mostly it is the one of a moment ago: this is asked for every bit.
    const known = this.#last?.pid === pid ? this.#last : this.#senders.get(pid);
    if (known?.kind === 'echo') {
      this.#last = known;
      known.spoke = true;
      const { receiver } = known;
      // Half a reason and then an echo of zeros would be another reason.
      if (receiver.refusing && !receiver.reasonBegun && now - known.seen > REASON_TIMEOUT_MS) {
        receiver.reset();
      }
    } else if (known && now - known.seen >= this.#plain.timeoutMs) this.reset(pid);
    // Only a sweep drops half a frame of an echo peer: it is silent only if we have listened.
    if (known && !isIdle(known)) {
      known.seen = now;
      if (known.kind === 'plain') this.#lastPlain = known;
      return known;
    }
    const info = this.#table.read(pid);
    const kind = info?.blocksBoth === true && info.uid === this.#table.selfUid ? 'echo' : 'plain';
    const start = info?.start ?? 0;
    if (known && known.start === start && known.kind === kind) {
      known.seen = now;
      return known;
    }
    if (known) this.#drop(known);
    if (this.#senders.size >= MAX_SENDERS) this.#dropOldest();
    const common = { pid, start, seen: now, spoke: true };
    const sender = (kind === 'echo' ? this.#echoSender(common) : undefined) ?? {
      ...common,
      kind: 'plain',
      decoder: this.#plain.decoderFor(pid),
    };
    this.#senders.set(pid, sender);
    if (sender.kind === 'echo') this.#last = sender;
    return sender;
  }

  /** Undefined when it has ended since it was looked at: then the descriptor may be that of another. */
  #echoSender(common: Sender & Seen): (EchoSender & Seen) | undefined {
    const peer = new Descriptor(this.#addon, common.pid);
    const receiver = new FrameReceiver(this.#maxFrameBytes);
    const sender = { ...common, kind: 'echo', peer, receiver } as const;
    if (this.isStill(sender)) return sender;
    peer.close();
    return undefined;
  }

  /** Whether an echo may go to it: it is the process that it was, and blocks both signals. */
  isStill({ pid, start }: Sender): boolean {
    const info = this.#table.read(pid);
    return info?.start === start && info.blocksBoth === true;
  }

  /** When a sender had started that is known. */
  startOf(pid: number): number | undefined {
    return this.#senders.get(pid)?.start;
  }

  /** Whether a frame of this echo peer has begun, and has not come to its end with its answer and the reason. */
  isMidway({ pid, start }: Sender): boolean {
    const known = this.#senders.get(pid);
    return known?.kind === 'echo' && known.start === start && !known.receiver.idle;
  }

  /** The echo peer of which the last signal came. */
  get last(): EchoSender | undefined {
    return this.#last;
  }

  /** Takes the bits that the addon has echoed, which are those of {@link last}. @returns how many */
  takeEchoed(now?: number): number {
    const last = this.#last;
    const count = this.#wire.takeEchoed(last?.receiver);
    if (count === 0 || !last) return count;
    last.spoke = true;
    last.seen = now ?? clockMs();
    return count;
  }

  /** Forgets a process that an echo did not reach: its PID may be another's now, whose frame is not the rest of its own. */
  drop(pid: number): void {
    const known = this.#senders.get(pid);
    if (known) this.#drop(known);
  }

  close(): void {
    for (const known of this.#senders.values()) this.#drop(known);
  }

  /**
   * Drops the unfinished frames of echo peers that have said nothing since the sweep before. Call it when
   * no signal is pending, {@link FRAME_TIMEOUT_MS} after the last call: a bit that waited while this process stood
   * still is not silence, and its echo must not be that of the first bit of another frame.
   * @returns whether there are unfinished frames left
   */
  sweep(): boolean {
    let isUnfinished = false;
    for (const sender of this.#senders.values()) {
      if (sender.kind !== 'echo' || sender.receiver.idle || sender.receiver.judging) continue;
      if (sender.spoke) isUnfinished = true;
      else sender.receiver.reset();
      sender.spoke = false;
    }
    return isUnfinished;
  }

  reset(pid: number): void {
    const known = this.#senders.get(pid);
    if (known?.kind === 'echo') known.receiver.reset();
    else known?.decoder.reset();
  }

  /** A frame is moving: its next bit comes soon. Only one of an echo peer can, thanks to the bus. */
  get moving(): boolean {
    const receiver = this.#last?.receiver;
    if (receiver !== undefined && !receiver.idle && !receiver.judging) return true;
    const { promptMs } = this.#plain;
    const plain = promptMs > 0 ? this.#lastPlain : undefined;
    return plain !== undefined && !plain.decoder.idle && clockMs() - plain.seen < promptMs;
  }

  /** The time of the last bit of an echo peer, as given to {@link sender}. */
  get lastBitAt(): number {
    return this.#last?.seen ?? 0;
  }

  /** The time of the last signal of a frame that is on its way, from whatever peer; undefined: none is. */
  lastSignalAt(now: number): number | undefined {
    const unfinished = [...this.#senders.values()].filter(
      (sender) => !isIdle(sender) && now - sender.seen < FRAME_TIMEOUT_MS,
    );
    return unfinished.length > 0 ? Math.max(...unfinished.map(({ seen }) => seen)) : undefined;
  }

  /** One in the middle of a frame only if all are: it would take the rest for another frame. */
  #dropOldest(): void {
    let oldest: Known | undefined;
    for (const sender of this.#senders.values()) {
      const isBetter = oldest && isBusy(sender) === isBusy(oldest) && sender.seen < oldest.seen;
      if (!oldest || isBetter || (isBusy(oldest) && !isBusy(sender))) oldest = sender;
    }
    if (oldest) this.#drop(oldest);
  }

  #drop(known: Known): void {
    this.#senders.delete(known.pid);
    if (known.kind === 'echo') known.peer.close();
    if (known === this.#last) this.#last = undefined;
  }
}

function isBusy(sender: Known): boolean {
  return sender.kind === 'echo' && !sender.receiver.idle;
}

function isIdle(sender: EchoSender | PlainSender): boolean {
  return sender.kind === 'echo' ? sender.receiver.idle : sender.decoder.idle;
}
