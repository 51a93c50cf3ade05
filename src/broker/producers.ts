import { type Envelope, seqOf } from '../codec/envelope.ts';
import { Unpacker } from '../link/packing.ts';
import { keyOf, type Peer } from './peer.ts';

/** Producers remembered at once; the oldest is forgotten first. A process costs some 200 bytes. */
const MAX_PRODUCERS = 4096;

/** What the broker knows of a producing process. */
export interface ProducerState {
  /** Names the process, across PID reuse and reboots. */
  readonly process: string;
  /** The number of its last accepted frame; undefined: none. */
  last: number | undefined;
  /** Of the frame that follows the one judged last; undefined: that was not accepted, or is not remembered. */
  next: number | undefined;
  /** What it and this broker have learned of its messages. */
  readonly unpacker: Unpacker;
  /** Of the messages that were stored last. */
  lastIds: readonly number[];
}

/**
 * Which frame of its sender it is; undefined: that cannot be known, or one before it is missing. (model/numbers.pml)
 * @param next the number of the frame that follows those which we have judged; undefined: we do not know
 */
export function numberOf({ seq, fields }: Envelope, next: number | undefined): number | undefined {
  if (fields.number !== undefined) return fields.number;
  if (seq === 0) return 0;
  return next !== undefined && seqOf(next) === seq ? next : undefined;
}

/** The producers that have sent something, newest last. */
export class Producers {
  readonly #states = new Map<string, ProducerState>();
  readonly #bootId: string;

  constructor(bootId: string) {
    this.#bootId = bootId;
  }

  name(peer: Peer): string {
    return `${this.#bootId}:${keyOf(peer)}`;
  }

  get(process: string): ProducerState | undefined {
    const state = this.#states.get(process);
    if (state) {
      this.#states.delete(process);
      this.#states.set(process, state);
    }
    return state;
  }

  add(process: string, last: number | undefined): ProducerState {
    const state: ProducerState = {
      process,
      last,
      next: undefined,
      unpacker: new Unpacker(),
      lastIds: [],
    };
    this.#states.set(process, state);
    if (this.#states.size > MAX_PRODUCERS) {
      const oldest = this.#states.keys().next().value;
      if (oldest !== undefined) this.#states.delete(oldest);
    }
    return state;
  }
}
