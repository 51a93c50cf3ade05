import { type Envelope, seqOf } from '../codec/envelope.ts';
import type { NewMessage } from '../queue/store.ts';
import { Recent } from '../recent.ts';
import { keyOf, type Peer } from './peer.ts';

/** Producers remembered at once; the oldest is forgotten first. A process costs some 200 bytes. */
const MAX_PRODUCERS = 4096;

/** What the broker knows of a producing process. */
export interface ProducerState {
  /** Names the process, across PID reuse and reboots. */
  readonly process: string;
  /** The number of its last accepted frame, durable or in `batch`; undefined: none. */
  last: number | undefined;
  /** Of the frame that follows the one judged last; undefined: that was not accepted, or is not remembered. */
  next: number | undefined;
  /** Accepted provisionally (MORE); the next frame without MORE confirms them. */
  batch: NewMessage[];
  batchBytes: number;
  /** Of the messages that were stored last. */
  lastIds: readonly number[];
  /** `last` before the batch, to go back to when the batch is refused. */
  beforeBatch: number | undefined;
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

/** The producers that have sent something. */
export class Producers {
  readonly #states = new Recent<string, ProducerState>(MAX_PRODUCERS);
  readonly #bootId: string;

  constructor(bootId: string) {
    this.#bootId = bootId;
  }

  name(peer: Peer): string {
    return `${this.#bootId}:${keyOf(peer)}`;
  }

  get(process: string): ProducerState | undefined {
    return this.#states.get(process);
  }

  add(process: string, last: number | undefined): ProducerState {
    const state: ProducerState = {
      process,
      last,
      next: undefined,
      beforeBatch: last,
      batch: [],
      batchBytes: 0,
      lastIds: [],
    };
    this.#states.set(process, state);
    return state;
  }
}
