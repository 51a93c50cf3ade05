import { EnvelopeReader } from '../codec/envelope-reader.ts';
import type { EchoSender, Sender } from './inbound.ts';
import type { Unpacker } from './model.ts';

/** What is shorter is unpacked in no time once it is there; bytes. */
const WORTH_BYTES = 64;

/** A frame that is coming. */
interface Coming {
  readonly sender: EchoSender;
  readonly reader: EnvelopeReader;
  /** Bytes of it that were looked at. */
  seen: number;
  /** Once it says that it is packed by what this has learned. */
  unpacker?: Unpacker | undefined;
}

/** Unpacks frames while they come. */
export class Arrival {
  readonly #unpackerFor: (sender: Sender) => Unpacker | undefined;
  #coming: Coming | undefined;

  constructor(unpackerFor: (sender: Sender) => Unpacker | undefined) {
    this.#unpackerFor = unpackerFor;
  }

  /** More of a frame is there. */
  goesOn(sender: EchoSender): void {
    const { soFar } = sender.receiver;
    if (soFar.length < WORTH_BYTES) return;
    const coming = this.#of(sender, soFar.length);
    const { reader } = coming;
    const isKnown = reader.fields !== undefined;
    const body = reader.take(soFar.subarray(coming.seen));
    coming.seen = soFar.length;
    const packed = reader.fields?.packed;
    if (packed === undefined) return;
    if (!isKnown) {
      coming.unpacker = this.#unpackerFor(sender);
      coming.unpacker?.expect(packed);
    }
    coming.unpacker?.feed(body);
  }

  /** The frame is whole, and whoever unpacks it sees whether it was this. */
  ended(): void {
    this.#coming = undefined;
  }

  /** The one that has so many bytes by now. */
  #of(sender: EchoSender, length: number): Coming {
    const known = this.#coming;
    if (known?.sender === sender && known.seen <= length) return known;
    const coming = { sender, reader: new EnvelopeReader(), seen: 0 };
    this.#coming = coming;
    return coming;
  }
}
