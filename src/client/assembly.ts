import { Reason } from '../codec/reason.ts';
import type { Packed } from '../link/brotli.ts';
import type { Verdict } from '../link/frame-receiver.ts';
import { MAX_REPLY_BYTES, type Part } from '../link/request.ts';

/** Puts the parts of one reply together. Anybody may be sending them, so it is bounded. */
export class Assembly {
  readonly #parts: Uint8Array[] = [];
  #have = 0;
  #total: number | undefined;
  #unpacked: number | undefined;

  /** Parts come in order; a part that is sent again is taken once. */
  add({ bytes, offset, total, unpacked }: Part): Verdict {
    if (total > MAX_REPLY_BYTES || (unpacked ?? 0) > MAX_REPLY_BYTES) return Reason.TooLarge;
    if (this.#total === undefined) this.#unpacked = unpacked;
    this.#total ??= total;
    if (total !== this.#total || offset > this.#have) return Reason.Unknown;
    if (offset < this.#have) return 0;
    if (bytes.length === 0 || offset + bytes.length > total) return Reason.Unknown;
    this.#parts.push(bytes.slice());
    this.#have += bytes.length;
    return 0;
  }

  /** Undefined as long as something is missing. */
  get whole(): Packed | undefined {
    if (this.#have !== this.#total) return undefined;
    return { bytes: Buffer.concat(this.#parts), unpacked: this.#unpacked };
  }
}
