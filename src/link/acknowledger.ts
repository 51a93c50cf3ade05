import { clockMs } from '../clock.ts';
import type { BIT_ACKS, MESSAGE_ACKS } from '../codec/plain-coding.ts';
import type { Bit } from '../codec/signal-codec.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { vetTarget } from '../registry/vet.ts';
import { Descriptor, type DescriptorPort } from '../signals/descriptor.ts';
import { linkErrors } from './errors.ts';
import type { Sender } from './inbound.ts';
import type { Tap } from './tap.ts';

/** What plain senders wait for, which are not the echoes of docs/protocol.md; nothing, if they are left out. */
export interface Acks {
  /** After each bit; `same`: the signal that came. */
  readonly bit?: (typeof BIT_ACKS)[number] | undefined;
  /** After a whole message, in place of that for its last bit. */
  readonly message?: (typeof MESSAGE_ACKS)[number] | undefined;
}

/** Where in a message a bit stands. */
export interface Place {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** Answers plain senders that wait for it, if they may be signalled (docs/protocol.md, section 2). */
export class Acknowledger {
  readonly #addon: DescriptorPort;
  readonly #table: ProcessTable;
  readonly #acks: Acks;
  readonly #tap: Tap;
  /** The sender of the message under way; undefined: it may not be signalled. */
  #peer: Descriptor | undefined;
  #pid = 0;

  constructor(addon: DescriptorPort, table: ProcessTable, acks: Acks, tap: Tap) {
    this.#addon = addon;
    this.#table = table;
    this.#acks = acks;
    this.#tap = tap;
  }

  /** @throws LinkError unsafe-target at the first bit of a message of a process that may not be signalled */
  onBit({ pid, start }: Sender, signal: Bit, { isFirst, isLast }: Place): void {
    const ack = (isLast ? this.#acks.message : undefined) ?? this.#acks.bit;
    if (ack === undefined) return;
    if (isFirst || pid !== this.#pid || isLast) this.#check(pid, start);
    if (!this.#peer) return;
    const bit = ack === 'same' ? signal : ack === 'usr1' ? 0 : 1;
    this.#tap({ at: clockMs(), kind: 'echo', isSent: true, bit, pid });
    try {
      this.#peer.kill(bit);
    } catch {
      this.close(); // it has ended
    }
  }

  close(): void {
    this.#peer?.close();
    this.#peer = undefined;
    this.#pid = 0;
  }

  #check(pid: number, start: number): void {
    this.close();
    this.#pid = pid;
    const peer = new Descriptor(this.#addon, pid);
    const vetted = vetTarget(pid, { start }, this.#table);
    if (vetted.ok) this.#peer = peer;
    else {
      peer.close();
      throw linkErrors.unacknowledged(pid, vetted.why);
    }
  }
}
