import { crc32 } from '../codec/crc32.ts';
import { loadAddon } from '../signals/addon.ts';

/** No model begins before so much was to be packed: to touch its memory for the first time takes half a ms; bytes. */
const WORTH_BEGINNING_BYTES = 200;
/** Nothing is won below this, with the field and the check that go with what is packed. */
const WORTH_BYTES = 24;
/**
 * What is larger is not for a model, which takes up to 1 µs a byte, both ends together (bench/packing.mjs), while the
 * bus is held.
 */
export const MAX_PACKED_BYTES = 256 << 10;
/** Models in memory, of half a megabyte each; whose turn was longest ago begins anew. */
const MAX_MODELS = 32;
/** Of the text that was packed: that both models are the same should be certain, and is checked. */
const CHECK_BYTES = 2;
/** Steps go round from 1 to this; 0 is a model that has learned nothing. */
const MAX_STEP = 63;
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

/** What one end of a pair of processes has learned from the messages that went from one to the other. */
class Learner {
  static readonly #all = new Set<Learner>();
  #memory: Uint8Array | undefined;
  #frames = 0;

  /** Of the next frame. */
  protected get step(): number {
    return this.#frames === 0 ? 0 : 1 + ((this.#frames - 1) % MAX_STEP);
  }

  /** For the next frame, which counts. */
  protected model(bytes: number): Uint8Array {
    Learner.#all.delete(this);
    Learner.#all.add(this);
    this.#memory ??= this.#newMemory(bytes);
    this.#frames++;
    return this.#memory;
  }

  /** To touch memory for the first time costs far more than to clear it. */
  #newMemory(bytes: number): Uint8Array {
    const [oldest] = Learner.#all;
    if (Learner.#all.size <= MAX_MODELS || !oldest) return new Uint8Array(bytes);
    const memory = oldest.#memory ?? new Uint8Array(bytes);
    oldest.#memory = undefined;
    oldest.reset();
    return memory.fill(0);
  }

  /** It has learned nothing. */
  reset(): void {
    if (this.#frames > 0) this.#memory?.fill(0);
    this.#frames = 0;
    if (!this.#memory) Learner.#all.delete(this);
  }
}

/** Packs what goes to one process. After a frame that this has not taken, {@link reset} it. */
export class Packer extends Learner {
  /** Bytes that it might have packed. */
  #offered = 0;
  /** What is thought to come next, and what has become of it. */
  #ahead: { readonly text: Uint8Array; readonly packed: ModelPacked | undefined } | undefined;

  /** Packs what will be the next text if the frame before is taken, while there is time. */
  packAhead(text: Uint8Array): void {
    if (this.#ahead) this.reset();
    this.#ahead = { text, packed: this.#pack(text) };
  }

  override reset(): void {
    this.#ahead = undefined;
    super.reset();
  }

  /** Undefined: it would be no smaller. */
  pack(text: Uint8Array): ModelPacked | undefined {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (!ahead) return this.#pack(text);
    if (Buffer.compare(ahead.text, text) === 0) return ahead.packed;
    this.reset(); // the receiver will not have learned that
    return this.#pack(text);
  }

  #pack(text: Uint8Array): ModelPacked | undefined {
    const { addon } = loadAddon();
    const { length } = text;
    if (!addon || length < WORTH_BYTES || length > MAX_PACKED_BYTES || isRandom(text)) {
      return undefined;
    }
    this.#offered += length;
    if (this.#offered < WORTH_BEGINNING_BYTES) return undefined;
    const packed = length * (MAX_STEP + 1) + this.step;
    // A bit more is better than to begin anew.
    const room = new Uint8Array(length + (length >> 4) + 16);
    const size = addon.pack(this.model(addon.modelBytes), text, room.subarray(0, -CHECK_BYTES));
    if (size < 0) {
      this.reset();
      return undefined;
    }
    room.set(checkOf(text), size);
    return { bytes: room.subarray(0, size + CHECK_BYTES), packed };
  }
}

/** Unpacks what comes from one process. */
export class Unpacker extends Learner {
  /** Undefined: the sender has to begin anew. @param maxBytes of what is unpacked */
  unpack({ bytes, packed }: ModelPacked, maxBytes: number): Uint8Array | 'too-large' | undefined {
    const { addon } = loadAddon();
    const step = packed % (MAX_STEP + 1);
    const length = unpackedBytes(packed);
    if (length > maxBytes || length > MAX_PACKED_BYTES) return 'too-large';
    if (step === 0) this.reset();
    if (!addon || step !== this.step || bytes.length < CHECK_BYTES) return undefined;
    const text = new Uint8Array(length);
    const end = bytes.length - CHECK_BYTES;
    addon.unpack(this.model(addon.modelBytes), bytes.subarray(0, end), text);
    const check = checkOf(text);
    if (check.every((byte, n) => byte === bytes[end + n])) return text;
    this.reset();
    return undefined;
  }
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
