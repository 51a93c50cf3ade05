import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import { type Packed, pack } from '../link/brotli.ts';
import type { EchoLink } from '../link/echo-link.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { isPassing, linkErrors } from '../link/errors.ts';
import type { FrameOutcome } from '../link/frame-sender.ts';
import { MAX_REPLY_BYTES, type Part, partFrame, replyFrame } from '../link/request.ts';
import { isRunning, isStopped, type ProcessTable } from '../registry/process-info.ts';
import { Serial } from '../serial.ts';
import type { Journal } from './journal.ts';
import type { Peer } from './peer.ts';

/** Bytes of a reply in one hold of the bus: some 9 ms on an idle machine. */
const MAX_PART_BYTES = 512;
/** On a busy machine a bit takes up to fifty times as long, and parts get smaller; bytes. */
const MIN_PART_BYTES = 64;
/** How long a part should occupy the bus; ms. */
const PART_MS = 15;
/** Pause before a part is sent again; it doubles after each try; ms. */
const PART_REST_MS = 250;
/** Tries per part: each may take a second of the bus if the process that asked does not answer. */
const MAX_PART_TRIES = 5;
/** How long the rest of a reply is kept for a process that is stopped; its own patience ends then too; ms. */
const STOPPED_ASKER_MS = 30_000;
/** How long replies may continue when the broker stops; ms. */
const CLOSING_MS = 2000;

/** What became of a reply. */
type Came = 'taken' | 'unwanted' | 'lost';

const TOO_LARGE = 'The answer is too large: ask for less.';

export interface RepliesOptions {
  readonly endpoint: Pick<Endpoint, 'echo'>;
  readonly table: Pick<ProcessTable, 'read'>;
  readonly journal: Pick<Journal, 'resent'>;
}

/**
 * Sends replies in parts, each part in its own hold of the bus (docs/protocol.md, section 8). Several replies take
 * turns, and so does the broker's other work: however much somebody asks for, the others only wait for one part. A
 * process that asked and is stopped, or gone, holds up nobody.
 */
export class Replies {
  readonly #options: RepliesOptions;
  readonly #closing = new AbortController();
  /** One part at a time: before a reply's next one comes a part of every other reply. */
  readonly #turns = new Serial();
  #partBytes = MAX_PART_BYTES;

  constructor(options: RepliesOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the whole reply has arrived, or nobody waits for it any more.
   * @throws LinkError if it cannot arrive
   */
  async send(peer: Peer, number: number, content: unknown): Promise<void> {
    const { echo } = this.#options.endpoint;
    try {
      if (echo) await this.#sendAll(echo, peer, number, content);
    } catch (error) {
      const isThere = isRunning(this.#options.table.read(peer.pid), peer.start);
      if (isThere && !this.#closing.signal.aborted) throw error;
    }
  }

  async #sendAll(echo: EchoLink, peer: Peer, number: number, content: unknown): Promise<void> {
    const text = Buffer.from(JSON.stringify(content));
    if (text.length > MAX_REPLY_BYTES)
      return this.#sendAll(echo, peer, number, { error: TOO_LARGE });
    const packed = await pack(text);
    if (packed.unpacked === undefined && packed.bytes.length <= MAX_PART_BYTES) {
      await this.#sendSurely(echo, peer, replyFrame({ number, content }));
      return;
    }
    await this.#sendParts(echo, peer, number, packed, partFrame);
  }

  /**
   * The same for bytes, of which each part is a frame made by `frameOf`.
   * @returns whether all of it was taken; `lost`: its receiver may want it later
   */
  async sendBytes(
    peer: Peer,
    number: number,
    content: Uint8Array,
    frameOf: (part: Part) => Uint8Array,
  ): Promise<Came> {
    const { echo } = this.#options.endpoint;
    if (!echo) return 'lost';
    try {
      return await this.#sendParts(echo, peer, number, await pack(content), frameOf);
    } catch (error) {
      const isThere = isRunning(this.#options.table.read(peer.pid), peer.start);
      if (isThere && !isPassing(error) && !this.#closing.signal.aborted) throw error;
      return 'lost';
    }
  }

  async #sendParts(
    echo: EchoLink,
    peer: Peer,
    number: number,
    { bytes, unpacked }: Packed,
    frameOf: (part: Part) => Uint8Array,
  ): Promise<Came> {
    for (let offset = 0; offset < bytes.length; ) {
      const some = bytes.subarray(offset, offset + this.#partBytes);
      const part = { number, bytes: some, offset, total: bytes.length, unpacked };
      const came = await this.#sendSurely(echo, peer, frameOf(part));
      if (came !== 'taken') return came;
      offset += some.length;
    }
    return 'taken';
  }

  /** The broker is ending: what is under way gets a moment to arrive. */
  stop(): void {
    setTimeout(() => this.#closing.abort(), CLOSING_MS).unref();
  }

  /** Tries until it is accepted. @returns whether the process that asked wants more */
  async #sendSurely(echo: EchoLink, peer: Peer, frame: Uint8Array): Promise<Came> {
    for (let tries = 1; ; tries++) {
      await this.#continued(peer);
      if (tries > 1) this.#options.journal.resent();
      try {
        const outcome = await this.#turns.add(() => this.#send(echo, peer, frame));
        if (outcome.kind === 'accepted') return 'taken';
        if (outcome.kind === 'refused' && outcome.reason !== Reason.Damaged) return 'unwanted';
        if (tries === MAX_PART_TRIES) return 'lost';
      } catch (error) {
        if (!isPassing(error) || tries === MAX_PART_TRIES) throw error;
      }
      await this.#rest(PART_REST_MS * 2 ** (tries - 1));
    }
  }

  #send(echo: EchoLink, { pid, start }: Peer, frame: Uint8Array): Promise<FrameOutcome> {
    const { signal } = this.#closing;
    return echo.withBus(async (channel) => {
      const since = clockMs();
      const outcome = await channel.send({ pid, start }, frame, { signal });
      const bytes = Math.floor((frame.length * PART_MS) / (clockMs() - since));
      this.#partBytes = Math.max(MIN_PART_BYTES, Math.min(bytes, MAX_PART_BYTES));
      return outcome;
    }, signal);
  }

  /** Waits, without the bus, while the process is stopped. @throws LinkError peer-stalled, after a while */
  async #continued({ pid, start }: Peer): Promise<void> {
    const { table } = this.#options;
    const until = clockMs() + STOPPED_ASKER_MS;
    for (let info = table.read(pid); info?.start === start; info = table.read(pid)) {
      if (!isStopped(info)) return;
      if (clockMs() > until) throw linkErrors.stopped(pid);
      await this.#rest(PART_REST_MS);
    }
  }

  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal });
  }
}
