import { clockMs } from '../clock.ts';
import { seqOf } from '../codec/envelope.ts';
import { type PlainCoding, plainFrame, USUAL_CODING } from '../codec/plain-coding.ts';
import { Reason } from '../codec/reason.ts';
import type { Bit } from '../codec/signal-codec.ts';
import type { Endpoint } from '../link/endpoint.ts';
import { isPassing } from '../link/errors.ts';
import type { FrameOutcome } from '../link/frame-sender.ts';
import { messagesFrame, NOTHING_MORE } from '../link/messages.ts';
import type { PlainTarget } from '../link/transfer.ts';
import { membershipOf } from '../registry/membership.ts';
import { assertProcess } from '../registry/named-process.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { vetTarget } from '../registry/vet.ts';
import { openClientEndpoint } from './client-endpoint.ts';
import { producerErrors } from './errors.ts';
import { untilAnswered } from './retry.ts';
import type { SendOptions } from './send-options.ts';

/** How often a frame that arrives damaged, or out of step, is tried; each try synchronises first. */
const MAX_TRIES = 20;
/** A process that does not answer is given up this long after the last echo; ms. */
const PATIENCE_MS = 5000;
const AGAIN: ReadonlySet<Reason> = new Set([Reason.Damaged, Reason.Unknown]);

export interface DirectOptions {
  /** The process that is to get the messages. */
  readonly pid: number;
  /** Runtime directory, of which only the bus is used; default: as on the command line. */
  readonly dir?: string | undefined;
  /** If it is a plain peer. */
  readonly coding?: PlainCoding | undefined;
}

/**
 * Sends to a process that a person has named, and not to a broker: to an echo peer with confirmation, to a plain one
 * without. The rules of docs/protocol.md, section 2, hold as always, and some more: nothing else shows that it is meant.
 */
export class DirectSender {
  /** Whether each message is confirmed. */
  readonly kind: 'echo' | 'plain';
  readonly #target: PlainTarget;
  readonly #coding: PlainCoding;
  readonly #endpoint: Endpoint;

  /** @throws SigmqError bad-pid, unsafe-target, takes-part; if the runtime directory cannot be used */
  static open({ pid, dir, coding = USUAL_CODING }: DirectOptions): DirectSender {
    assertProcess(pid);
    const table = processTable();
    const vetted = vetTarget(pid, { isNamed: true }, table);
    if (!vetted.ok) throw producerErrors.notNamed(pid, vetted.why);
    const { start } = vetted.info;
    const path = openRuntimeDir({ dir, env: process.env, create: true });
    const membership = membershipOf(pid, start, path);
    if (membership) throw producerErrors.takesPart(pid, membership);
    return new DirectSender({ pid, start, saysPlain: false }, vetted.kind, coding, path, table);
  }

  private constructor(
    target: PlainTarget,
    kind: 'echo' | 'plain',
    coding: PlainCoding,
    dir: string,
    table: ProcessTable,
  ) {
    this.#target = target;
    this.#coding = coding;
    this.#endpoint = openClientEndpoint(dir, table);
    // Without the addon there are no echoes to wait for.
    this.kind = this.#endpoint.echo ? kind : 'plain';
  }

  /** Why an echo peer is sent to without confirmation; undefined with the addon. */
  get plainBecause(): string | undefined {
    return this.#endpoint.plainBecause;
  }

  /** @throws SigmqError, the reason of `signal`; the message may or may not have arrived */
  async send(
    body: Uint8Array,
    options: Pick<SendOptions, 'signal' | 'onProgress' | 'onFrame'> = {},
  ): Promise<void> {
    if (body.length === 0) throw producerErrors.empty();
    if (this.kind === 'echo') await this.#sendFrame(body, options);
    else await this.#sendPlain(body, options);
  }

  close(): Promise<void> {
    return this.#endpoint.close();
  }

  async #sendPlain(
    body: Uint8Array,
    { signal, onProgress, onFrame }: Pick<SendOptions, 'signal' | 'onProgress' | 'onFrame'>,
  ): Promise<void> {
    if (body.includes(0)) throw producerErrors.zeroForProcess(this.#target.pid);
    const frame = plainFrame(body, this.#coding);
    await this.#endpoint.exclusively(
      () => this.#endpoint.sendSignals(this.#target, frame, { signal, onProgress }),
      signal,
    );
    onFrame?.({ frame, echoes: [] });
  }

  async #sendFrame(
    body: Uint8Array,
    { signal, onProgress, onFrame }: Pick<SendOptions, 'signal' | 'onProgress' | 'onFrame'>,
  ): Promise<void> {
    const { echo } = this.#endpoint;
    if (!echo) return;
    await this.#endpoint.numbered(async ({ number }) => {
      const content = { fields: {}, entries: [{ fields: {}, body }] };
      const frame = messagesFrame(seqOf(number), content, NOTHING_MORE);
      let movedAt: number | undefined;
      const progress = (sent: number, total: number) => {
        if (sent > 0) movedAt = clockMs();
        onProgress?.(sent, total);
      };
      const attempt = async () => {
        const echoes: Bit[] = [];
        const onEcho = onFrame && ((bit: Bit) => echoes.push(bit));
        const outcome = await echo.withBus((channel) => {
          movedAt ??= clockMs();
          return channel.send(this.#target, frame, { signal, onProgress: progress, onEcho });
        }, signal);
        onFrame?.({ frame, echoes });
        return this.#isTaken(outcome, ++tries) || undefined;
      };
      let tries = 0;
      const passes = (error: unknown) =>
        isPassing(error) && clockMs() - (movedAt ?? clockMs()) <= PATIENCE_MS;
      await untilAnswered(attempt, passes, signal);
      return undefined;
    }, signal);
  }

  /** @returns false: it is to be tried again @throws ProducerError */
  #isTaken(outcome: FrameOutcome, tries: number): boolean {
    if (outcome.kind === 'accepted') return true;
    const reason = outcome.kind === 'refused' ? outcome.reason : Reason.Damaged;
    if (AGAIN.has(reason) && tries < MAX_TRIES) return false;
    throw producerErrors.refusedBy(this.#target.pid, reason);
  }
}
