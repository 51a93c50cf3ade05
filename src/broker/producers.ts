import { SEQ_MODULUS } from '../codec/envelope.ts';
import type { Sender } from '../link/inbound.ts';
import type { NewMessage } from '../queue/store.ts';

/** Half of the sequence space (docs/protocol.md, section 6, *Sequence*). */
const WINDOW = 64;
/** Producers remembered at once; the oldest is forgotten first. A process costs some 200 bytes. */
const MAX_PRODUCERS = 4096;

/** What the broker knows of a producing process. */
export interface ProducerState {
  /** Names the process, and its epoch, across PID reuse and reboots. */
  readonly process: string;
  /** The last sequence number accepted, durable or in `batch`; undefined: none. */
  last: number | undefined;
  /** Accepted provisionally (MORE); the next frame without MORE confirms them. */
  batch: NewMessage[];
  batchBytes: number;
  /** Of the messages that were stored last. */
  lastIds: readonly number[];
  /** `last` before the batch, to go back to when the batch is refused. */
  beforeBatch: number | undefined;
}

/** Whether `seq` was accepted already when `last` is the newest accepted one. */
export function isRepeat(seq: number, last: number | undefined): boolean {
  return last !== undefined && (last - seq + SEQ_MODULUS) % SEQ_MODULUS < WINDOW;
}

/** The producers that have sent something, newest last. */
export class Producers {
  readonly #states = new Map<string, ProducerState>();
  readonly #bootId: string;

  constructor(bootId: string) {
    this.#bootId = bootId;
  }

  name({ pid, start }: Sender, epoch = 0): string {
    return `${this.#bootId}:${pid}:${start}${epoch === 0 ? '' : `:${epoch}`}`;
  }

  get(process: string): ProducerState | undefined {
    const state = this.#states.get(process);
    if (state) {
      this.#states.delete(process);
      this.#states.set(process, state);
    }
    return state;
  }

  /** Of all epochs of a process the one that it used last. */
  newest(sender: Sender): ProducerState | undefined {
    const name = this.name(sender);
    const isOf = ({ process }: ProducerState) => process === name || process.startsWith(`${name}:`);
    return [...this.#states.values()].filter(isOf).at(-1);
  }

  add(process: string, last: number | undefined): ProducerState {
    const state: ProducerState = {
      ...{ process, last, beforeBatch: last },
      ...{ batch: [], batchBytes: 0, lastIds: [] },
    };
    this.#states.set(process, state);
    if (this.#states.size > MAX_PRODUCERS) {
      const oldest = this.#states.keys().next().value;
      if (oldest !== undefined) this.#states.delete(oldest);
    }
    return state;
  }
}
