import { clockMs } from '../clock.ts';
import {
  inOrder,
  meaningOf,
  type PlainCoding,
  USUAL_CODING,
  weightOf,
} from '../codec/plain-coding.ts';
import type { Bit } from '../codec/signal-codec.ts';
import { Recent } from '../recent.ts';
import { programName } from '../registry/program-name.ts';
import type { Place } from './acknowledger.ts';
import type { EchoSender, PlainSender, Sender } from './inbound.ts';
import { PlainRegister } from './plain-register.ts';
import type { WireSignal } from './tap.ts';

/** A message that a person types bit by bit may pause for so long; ms. */
export const PLAIN_TIMEOUT_MS = 60_000;
/** Another process that interrupts a message sooner than this is foreign to it; ms. */
const FOREIGN_MS = 2000;
/** Programs that send one signal and end: their signals belong together, as those of a person. */
const BY_HAND: ReadonlySet<string | undefined> = new Set(['kill', 'pkill', 'killall', undefined]);
/** How many programs' names are remembered. */
const MAX_PROGRAMS = 256;

/** A signal, and what it meant. */
export interface Heard extends WireSignal {
  /** The program of that process; empty: not known. */
  readonly program: string;
  readonly peer: 'echo' | 'plain';
  /** Bits of one source are put together: those of a process, or those of `kill`, by whomever it is run. */
  readonly source: number;
  /** Which bit of its byte it was, by arrival, 0 to 7; undefined: of none: an echo, a question, or one that is ignored. */
  readonly position?: number;
  /** What it added to the byte: 0, or a power of two. */
  readonly weight?: number;
  /** The byte with all of its bits so far. */
  readonly byte?: number;
  /** It ended the message. */
  readonly isEnd?: boolean;
  /** It came in the middle of a message of another process. */
  readonly isForeign?: boolean;
  /** So many bits of an unfinished message of the same process were lost before it. */
  readonly lost?: number;
}

/** A message that has arrived whole. */
export interface HeardMessage {
  readonly pid: number;
  readonly program: string;
  readonly peer: 'echo' | 'plain';
  readonly body: Uint8Array;
}

/** Knows what each bit means: whose it is, and where in which byte it stands. */
export class Hearing {
  /** Of the last bit: whose answers are sent. */
  last: Pick<Heard, 'program' | 'peer' | 'source'> = { program: '', peer: 'plain', source: 0 };
  readonly #register: () => PlainRegister;
  readonly #coding: PlainCoding;
  readonly #byHand: PlainRegister;
  #byHandAt = 0;
  readonly #programs = new Recent<string, string>(MAX_PROGRAMS);
  /** Bits of unfinished messages, by their decoder. */
  readonly #unfinished = new WeakMap<object, number>();
  /** The decoder of the last bit, and when that came. */
  #current: { readonly decoder: object; readonly at: number } | undefined;
  readonly #sources = new WeakMap<object, number>();
  #lastSource = 0;

  /**
   * @param coding that of plain senders
   * @param onTooLong a plain message is longer than the limit: nothing of it is kept
   */
  constructor(maxFrameBytes: number, coding: PlainCoding, onTooLong: () => void) {
    this.#register = () => new PlainRegister(maxFrameBytes, coding, onTooLong);
    this.#coding = coding;
    this.#byHand = this.#register();
  }

  /** For a plain sender. Those that cannot be known (0), or end at once, share one. */
  decoderFor(pid: number): PlainRegister {
    if (pid !== 0 && !BY_HAND.has(programName(pid))) return this.#register();
    if (clockMs() - this.#byHandAt > PLAIN_TIMEOUT_MS) this.#byHand.reset();
    return this.#byHand;
  }

  /**
   * Call it before the sender's decoder takes the bit.
   * @returns `place`: absent: it is part of no message
   */
  hear(sender: EchoSender | PlainSender, signal: WireSignal): { heard: Heard; place?: Place } {
    const { at, bit } = signal;
    const isPlain = sender.kind === 'plain';
    const decoder = isPlain ? sender.decoder : sender.receiver;
    if (decoder === this.#byHand) this.#byHandAt = at;
    const source = this.#sourceOf(decoder);
    this.last = { program: this.programOf(sender), peer: sender.kind, source };
    const before = partialOf(sender, bit);
    if (!before) return { heard: { ...signal, ...this.last } };
    const coding = isPlain ? this.#coding : USUAL_CODING;
    const position = before.bits;
    const value = meaningOf(bit, coding);
    const byte = inOrder(before.byte | (value << position), coding);
    const isFirst = decoder.idle || (!isPlain && sender.receiver.refusing);
    const isLast = position === 7 && byte === 0;
    const unfinished = this.#unfinished.get(decoder) ?? 0;
    const lost = isFirst ? unfinished : 0;
    this.#unfinished.set(decoder, isLast ? 0 : unfinished - lost + 1);
    const heard = {
      ...signal,
      ...this.last,
      ...{ position, byte, lost, isEnd: isLast },
      weight: value * weightOf(position, coding),
      isForeign: this.#isForeign(decoder, at),
    };
    return { heard, place: { isFirst, isLast } };
  }

  /** Asked for at its first bit: it may have ended by the next. Empty: not known. */
  programOf({ pid, start }: Sender): string {
    const key = `${pid} ${start}`;
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const name = programName(pid) ?? '';
    this.#programs.set(key, name);
    return name;
  }

  #sourceOf(decoder: object): number {
    const known = this.#sources.get(decoder) ?? ++this.#lastSource;
    this.#sources.set(decoder, known);
    return known;
  }

  /** Whether another message is under way. If so, that one stays it. */
  #isForeign(decoder: object, at: number): boolean {
    const current = this.#current;
    const isOther = current !== undefined && current.decoder !== decoder;
    if (isOther && at - current.at < FOREIGN_MS && this.#unfinished.get(current.decoder))
      return true;
    this.#current = { decoder, at };
    return false;
  }
}

/** The byte that a bit will be added to; undefined: to none. */
function partialOf(
  sender: EchoSender | PlainSender,
  bit: Bit,
): { readonly byte: number; readonly bits: number } | undefined {
  if (sender.kind === 'plain') return (sender.decoder as PlainRegister).partial;
  const { receiver } = sender;
  if (receiver.judging || (receiver.refusing && bit === 0)) return undefined;
  return receiver.refusing ? { byte: 0, bits: 0 } : receiver.partial;
}
