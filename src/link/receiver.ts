import type { Bit } from '../codec/signal-codec.ts';
import type { Verdict } from './frame-receiver.ts';
import type { EchoSender, PlainSender, Sender } from './inbound.ts';
import type { Unpacker } from './model.ts';

/** Takes what arrives. It is called, as nobody waits for what others send. */
export interface Receiver {
  /** Judges a frame from an echo peer. An exception is a bug: it is reported, and the frame refused. */
  onFrame(sender: Sender, frame: Uint8Array): Verdict | Promise<Verdict | undefined>;
  /** What was learned from its messages: what comes packed is unpacked while it comes. Undefined: nothing yet. */
  unpackerFor?(sender: Sender): Unpacker | undefined;
  /** Whether there is nothing better to do after a frame than to wait for the next for a moment. */
  lingers?(): boolean;
  /** Sees each bit before its sender's decoder takes it; costs speed: the addon leaves none out. */
  onBit?(sender: EchoSender | PlainSender, bit: Bit): void;
  /** Takes a message from a plain peer. */
  onPlain(sender: Sender, body: Uint8Array): void;
  /** Told of an exception, and of signals that nobody can be answered for. */
  onBug(error: unknown): void;
}
