import { EnvelopeReader } from '../codec/envelope-reader.ts';
import type { EchoSender, Sender } from './inbound.ts';
import type { Unpacker } from './model.ts';

/** What is shorter is unpacked in no time once it is there; bytes. */
const WORTH_BYTES = 64;

/** Unpacks frames while they come. */
export class Arrival {
  readonly #unpackerFor: (sender: Sender) => Unpacker | undefined;
  #frame: { readonly sender: EchoSender; readonly reader: EnvelopeReader } | undefined;
  /** Of the frame: bytes that were looked at. */
  #seen = 0;
  #unpacker: Unpacker | undefined;

  constructor(unpackerFor: (sender: Sender) => Unpacker | undefined) {
    this.#unpackerFor = unpackerFor;
  }

  /** More of a frame is there. */
  goesOn(sender: EchoSender): void {
    const { soFar } = sender.receiver;
    if (soFar.length < WORTH_BYTES) return;
    if (this.#frame?.sender !== sender || soFar.length < this.#seen) this.#begin(sender);
    const { reader } = this.#frame as { reader: EnvelopeReader };
    const isKnown = reader.fields !== undefined;
    const body = reader.take(soFar.subarray(this.#seen));
    this.#seen = soFar.length;
    const packed = reader.fields?.packed;
    if (packed === undefined) return;
    if (!isKnown) {
      this.#unpacker = this.#unpackerFor(sender);
      this.#unpacker?.expect(packed);
    }
    this.#unpacker?.feed(body);
  }

  /** The frame is whole, and whoever unpacks it sees whether it was this. */
  ended(): void {
    this.#frame = undefined;
  }

  #begin(sender: EchoSender): void {
    this.#frame = { sender, reader: new EnvelopeReader() };
    this.#seen = 0;
    this.#unpacker = undefined;
  }
}
