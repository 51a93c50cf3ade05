import { crc32 } from '../codec/crc32.ts';
import { Coding, loadAddon } from '../signals/addon.ts';
import { Learner, MAX_STEP } from './learner.ts';

/** No model begins before so much was to be packed: to touch its memory for the first time takes half a ms; bytes. */
const WORTH_BEGINNING_BYTES = 200;
/** Nothing is won below this, with the field and the check that go with what is packed. */
const WORTH_BYTES = 24;
/**
 * What is larger is not for a model, which takes up to 1 µs a byte, both ends together (bench/packing.mjs), while the
 * bus is held.
 */
export const MAX_PACKED_BYTES = 256 << 10;
/** Of the text that was packed: that both models are the same should be certain, and is checked. */
const CHECK_BYTES = 2;
/** Bytes that are looked at to see whether there is any pattern in them. */
const SAMPLE_BYTES = 512;
/** Bits a byte by how often each occurs; the sample of any text has fewer than 6. */
const MAX_SAMPLE_BITS = 7.2;

/** What a model has packed. */
export interface ModelPacked {
  readonly bytes: Uint8Array;
  /** 64 times its length when it is unpacked, and which step of the model it was; see docs/protocol.md, *Packing*. */
  readonly packed: number;
}

/** A text that is being packed. */
interface Text {
  readonly text: Uint8Array;
  /** Where it goes; undefined: it would be no smaller. */
  readonly room?: Uint8Array;
  readonly packed: number;
  /** How much of the room is filled, once that is known; -1: it was too small. */
  size?: number;
}

/** Packs what goes to one process. After a frame that this has not taken, {@link reset} it. */
export class Packer extends Learner {
  /** Bytes that it might have packed. */
  #offered = 0;
  /** What is thought to come next. */
  #ahead: Text | undefined;

  constructor() {
    super(Coding.Packing);
  }

  /** Packs what will be the next text if the frame before is taken: in the pauses of the wire. */
  packAhead(text: Uint8Array): void {
    if (this.#ahead && Buffer.compare(this.#ahead.text, text) === 0) return;
    if (this.#ahead) this.reset();
    this.#ahead = this.#begin(text.slice());
  }

  override reset(): void {
    this.#ahead = undefined;
    super.reset();
  }

  /** Undefined: it would be no smaller. */
  pack(text: Uint8Array): ModelPacked | undefined {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (!ahead) return this.#end(this.#begin(text));
    if (Buffer.compare(ahead.text, text) === 0) return this.#end(ahead);
    this.reset(); // the receiver will not have learned that
    return this.#end(this.#begin(text));
  }

  protected override giveWay(): void {
    if (this.#ahead) this.#ahead.size = this.end();
  }

  #begin(text: Uint8Array): Text {
    const { length } = text;
    const packed = length * (MAX_STEP + 1) + this.step;
    const isNone = length < WORTH_BYTES || length > MAX_PACKED_BYTES || isRandom(text);
    if (isNone || !loadAddon().addon) return { text, packed };
    this.#offered += length;
    if (this.#offered < WORTH_BEGINNING_BYTES) return { text, packed };
    // A bit more is better than to begin anew.
    const room = new Uint8Array(mostPacked(length));
    this.begin(text, room.subarray(0, -CHECK_BYTES));
    return { text, packed, room };
  }

  #end({ text, packed, room, size = this.end() }: Text): ModelPacked | undefined {
    if (!room) return undefined;
    if (size < 0) {
      this.reset();
      return undefined;
    }
    room.set(checkOf(text), size);
    return { bytes: room.subarray(0, size + CHECK_BYTES), packed };
  }
}

/** A text that is being unpacked. */
interface Arriving {
  readonly packed: number;
  /** What has come of it, so many bytes. */
  readonly bytes: Uint8Array;
  length: number;
  readonly text: Uint8Array;
}

/** Unpacks what comes from one process. */
export class Unpacker extends Learner {
  #arriving: Arriving | undefined;

  constructor() {
    super(Coding.Unpacking);
  }

  /**
   * Something comes that says that it is so packed: it is unpacked in the pauses of the wire as far as it is there. Once
   * it is whole, {@link unpack} it.
   */
  expect(packed: number): void {
    if (this.#arriving) this.reset();
    if (unpackedBytes(packed) <= MAX_PACKED_BYTES) this.#arriving = this.#begin(packed);
  }

  /** The next bytes of what is expected. */
  feed(bytes: Uint8Array): void {
    const arriving = this.#arriving;
    if (!arriving || arriving.length + bytes.length > arriving.bytes.length) return;
    arriving.bytes.set(bytes, arriving.length);
    arriving.length += bytes.length;
    this.fed(arriving.length);
  }

  override reset(): void {
    this.#arriving = undefined;
    super.reset();
  }

  /** Undefined: the sender has to begin anew. @param maxBytes of what is unpacked */
  unpack({ bytes, packed }: ModelPacked, maxBytes: number): Uint8Array | 'too-large' | undefined {
    const length = unpackedBytes(packed);
    if (length > maxBytes || length > MAX_PACKED_BYTES) return 'too-large';
    if (bytes.length < CHECK_BYTES || bytes.length > mostPacked(length)) return undefined;
    const arriving = this.#arrivingAs(bytes, packed) ?? this.#begin(packed);
    this.#arriving = undefined;
    if (!arriving) return undefined;
    arriving.bytes.set(bytes);
    const end = bytes.length - CHECK_BYTES;
    this.fed(end);
    this.end();
    const { text } = arriving;
    const check = checkOf(text);
    if (check.every((byte, n) => byte === bytes[end + n])) return text;
    this.reset();
    return undefined;
  }

  protected override giveWay(): void {
    this.reset();
  }

  /** What was unpacked of it as it came, if it was this. */
  #arrivingAs(bytes: Uint8Array, packed: number): Arriving | undefined {
    const arriving = this.#arriving;
    if (!arriving) return undefined;
    const there = arriving.bytes.subarray(0, arriving.length);
    const isThis = arriving.packed === packed && bytes.length >= arriving.length;
    if (isThis && Buffer.compare(there, bytes.subarray(0, arriving.length)) === 0) return arriving;
    this.reset(); // it was another, which did not come to its end
    return undefined;
  }

  /** Undefined: both ends have not learned the same. */
  #begin(packed: number): Arriving | undefined {
    const step = packed % (MAX_STEP + 1);
    if (step === 0) this.reset();
    if (!loadAddon().addon || step !== this.step) return undefined;
    const length = unpackedBytes(packed);
    const arriving = { packed, bytes: new Uint8Array(mostPacked(length)), length: 0 };
    const text = new Uint8Array(length);
    this.begin(arriving.bytes, text);
    return { ...arriving, text };
  }
}

/** Room for a text of this length when it is packed, check and all; bytes. */
function mostPacked(length: number): number {
  return length + (length >> 4) + 16;
}

/** How long it is when it is unpacked; see {@link ModelPacked}. */
export function unpackedBytes(packed: number): number {
  return Math.floor(packed / (MAX_STEP + 1));
}

function checkOf(text: Uint8Array): Uint8Array {
  const crc = crc32(text);
  return Uint8Array.of(crc & 0xff, (crc >>> 8) & 0xff);
}

/** As what was packed or encrypted before looks: nothing is won. */
function isRandom(text: Uint8Array): boolean {
  if (text.length < SAMPLE_BYTES) return false;
  const counts = new Uint16Array(256);
  const start = (text.length - SAMPLE_BYTES) >> 1;
  for (let n = 0; n < SAMPLE_BYTES; n++) {
    const byte = text[start + n] as number;
    counts[byte] = (counts[byte] as number) + 1;
  }
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / SAMPLE_BYTES);
  return bits / SAMPLE_BYTES > MAX_SAMPLE_BITS;
}
