import { type Envelope, seqOf } from '../codec/envelope.ts';
import { Unpacker } from '../link/model.ts';
import type { Published } from '../queue/message.ts';
import { Recent } from '../recent.ts';
import { keyOf, type Peer } from './peer.ts';

/** Producers remembered at a time; the oldest is forgotten first. Each costs some 200 bytes. */
const MAX_PRODUCERS = 4096;

/** What the broker knows of a producing process. */
export interface ProducerState {
  /** Identifies the process, across PID reuse and reboots. */
  readonly process: string;
  /** The number of its last accepted frame; undefined: none. */
  last: number | undefined;
  /**
   * The number of the frame that follows the one judged last; undefined: that one was not accepted, or is not
   * remembered.
   */
  next: number | undefined;
  /** What it and this broker have learned from its messages. */
  readonly unpacker: Unpacker;
  /** What became of the messages that it sent last. */
  lastSent: readonly Published[];
}

/**
 * Which frame of its sender this is; undefined: it cannot be known, or the one before it is missing.
 * (model/numbers.pml)
 * @param next the number of the frame after those that we have judged; undefined: not known
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

  delete(process: string): void {
    this.#states.delete(process);
  }

  forget(): void {
    this.#states.clear();
  }

  add(process: string, last: number | undefined): ProducerState {
    const state: ProducerState = {
      process,
      last,
      next: undefined,
      unpacker: new Unpacker(),
      lastSent: [],
    };
    this.#states.set(process, state);
    return state;
  }
}
