import type { Heard, HeardMessage } from '../../link/hearing.ts';
import type { Pulse } from '../scope/recording.ts';

/** Signals that are kept for the picture and for slow motion: some 6,000 bytes of messages, with their answers. */
const MAX_SIGNALS = 100_000;
/** Messages that are shown, and printed when the picture is gone. */
const MAX_MESSAGES = 1000;
/** Of their bodies, of which each may be 1 MiB; bytes. */
const MAX_MESSAGE_BYTES = 16 << 20;

/** A message, and after how many signals of all it was complete. */
export interface LoggedMessage extends HeardMessage {
  readonly at: Date;
  readonly signals: number;
}

/** What was heard, within bounds. */
export class HeardLog {
  readonly #signals: Heard[] = [];
  readonly messages: LoggedMessage[] = [];
  /** Signals that are not kept any more. */
  #forgotten = 0;
  /** Of the messages that are kept. */
  #bytes = 0;
  messageCount = 0;
  foreign = 0;
  /** Bits of messages that never ended. */
  lost = 0;

  /** How many there were. */
  get count(): number {
    return this.#forgotten + this.#signals.length;
  }

  /** The first one that is kept. */
  get first(): number {
    return this.#forgotten;
  }

  get(index: number): Heard | undefined {
    return this.#signals[index - this.#forgotten];
  }

  add(heard: Heard): void {
    this.#signals.push(heard);
    if (heard.isForeign) this.foreign++;
    this.lost += heard.lost ?? 0;
    if (this.#signals.length < MAX_SIGNALS) return;
    this.#forgotten += MAX_SIGNALS / 2;
    this.#signals.splice(0, MAX_SIGNALS / 2);
  }

  addMessage(message: HeardMessage): void {
    this.messageCount++;
    this.messages.push({ ...message, at: new Date(), signals: this.count });
    this.#bytes += message.body.length;
    while (this.messages.length > MAX_MESSAGES || this.#bytes > MAX_MESSAGE_BYTES) {
      this.#bytes -= this.messages.shift()?.body.length ?? 0;
    }
  }
}

/** A signal as a recording has it. */
export function pulseOf({ kind, peer, bit, pid, position, byte }: Heard): Omit<Pulse, 'at'> {
  const place = position === undefined || byte === undefined ? {} : { position, byte };
  return {
    kind: kind === 'echo' && peer === 'plain' ? 'ack' : kind,
    signal: bit,
    pid,
    ...place,
  };
}
