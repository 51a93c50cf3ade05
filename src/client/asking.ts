import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { decodeFrame } from '../codec/envelope.ts';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { SigmqError } from '../errors.ts';
import { type Answer, AnswerKind, answerPartOf } from '../link/answer.ts';
import type { Endpoint, Judge } from '../link/endpoint.ts';
import { linkErrors } from '../link/errors.ts';
import { findBroker, inspectBroker } from '../registry/broker-file.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import type { AskedStatus } from '../status.ts';
import { AwaitedAnswer } from './awaited-answer.ts';
import { producerErrors } from './errors.ts';
import { Requester } from './requester.ts';
import { isNoBroker, untilAnswered } from './retry.ts';
import type { AskOptions } from './send-options.ts';

/** How often to check that there is a broker; ms. */
const BROKER_LOOK_MS = 500;
/** When to ask it how far the message is: the reply may be lost, and the message may have gone without one; ms. */
const FIRST_ASK_MS = 2000;
const ASK_MS = 5000;
/** How long a broker may take to come back, unless one is to be waited for; ms. */
const ABSENCE_MS = 30_000;

/** The reply to a message. */
export interface AskReply {
  readonly body: Uint8Array;
  /** With which the work ended: of a command, its exit code; 0 to 255. */
  readonly exitCode: number;
  /** The body as text. Bytes that are not UTF-8 become U+FFFD. */
  text(): string;
  /** The body as JSON. @throws SyntaxError */
  json<T = unknown>(): T;
}

/** Sends the message, under a number by which it is asked. */
export type SendAsked = (ask: number) => Promise<void>;

export interface AskingOptions {
  readonly dir: string;
  readonly table: ProcessTable;
  readonly endpoint: Endpoint;
  /** Wait for a broker for as long as it takes. */
  readonly wait: boolean;
}

/** Messages whose replies are waited for (docs/protocol.md, section 9). */
export class Asking {
  /** Of this process: who is to be told is known by its PID. */
  static #number = 0;
  readonly #options: AskingOptions;
  readonly #requester: Requester;
  readonly #awaited = new Map<number, AwaitedAnswer>();
  #unlisten = () => {};

  constructor(options: AskingOptions) {
    const { dir, table, endpoint } = options;
    this.#options = options;
    this.#requester = new Requester(dir, table, endpoint);
  }

  /** @throws SigmqError, the reason of `signal` */
  async ask(
    send: SendAsked,
    { queue = DEFAULT_QUEUE, onLook }: Pick<AskOptions, 'queue' | 'onLook'>,
    signal: AbortSignal | undefined,
  ): Promise<AskReply> {
    signal?.throwIfAborted();
    const { endpoint } = this.#options;
    const number = ++Asking.#number;
    const awaited = new AwaitedAnswer();
    const over = new AbortController();
    const giveUp = () => awaited.giveUp(signal?.reason);
    signal?.addEventListener('abort', giveUp);
    if (this.#awaited.size === 0) this.#unlisten = endpoint.listen(this.#judge);
    this.#awaited.set(number, awaited);
    try {
      const sending = this.#findEchoBroker(over.signal).then(() => sent(send(number)));
      const asked = sending.then(() => {
        const look = this.#look(number, queue, awaited, over.signal, onLook);
        look.catch((error) => awaited.giveUp(error));
        return awaited.content;
      });
      return replyOf(await Promise.race([awaited.content, asked]));
    } finally {
      over.abort();
      signal?.removeEventListener('abort', giveUp);
      this.#awaited.delete(number);
      if (this.#awaited.size === 0) this.#unlisten();
    }
  }

  close(): void {
    this.#requester.close();
    for (const awaited of this.#awaited.values()) awaited.giveUp(linkErrors.closed());
  }

  /** @throws SigmqError plain-broker; none is running, unless one is to be waited for */
  async #findEchoBroker(signal: AbortSignal): Promise<void> {
    const { dir, table, endpoint, wait } = this.#options;
    const find = async () => endpoint.plainBecause === undefined && findBroker(dir, table).kind;
    const kind = await untilAnswered(find, (error) => wait && isNoBroker(error), signal);
    if (kind !== 'echo') throw producerErrors.plainRequest();
  }

  readonly #judge: Judge = (_sender, frame) => {
    const decoded = decodeFrame(frame);
    if (decoded.kind !== 'envelope' || !decoded.envelope.control) return undefined;
    const { envelope } = decoded;
    if (this.#requester.expects(envelope)) return this.#requester.judge(envelope);
    const part = answerPartOf(envelope);
    // Another producer of this process may have asked.
    return part && this.#awaited.get(part.number)?.takePart(part);
  };

  /** As long as nothing comes, asks now and then how far it is. */
  async #look(
    number: number,
    queue: string,
    awaited: AwaitedAnswer,
    over: AbortSignal,
    onLook: AskOptions['onLook'],
  ): Promise<void> {
    const { dir, table, wait } = this.#options;
    let askAt = clockMs() + FIRST_ASK_MS;
    let thereAt = clockMs();
    for (;;) {
      await sleep(BROKER_LOOK_MS, undefined, { signal: over }).catch(() => {});
      if (over.aborted) return;
      if (!inspectBroker(dir, table).ok) {
        askAt = 0; // as soon as there is one
        if (!wait && clockMs() > thereAt + ABSENCE_MS)
          awaited.giveUp(producerErrors.notBack(ABSENCE_MS / 1000));
        continue;
      }
      thereAt = clockMs();
      if (thereAt < askAt) continue;
      const status = await this.#status(number, queue, over);
      askAt = clockMs() + ASK_MS;
      if (over.aborted || awaited.isWhole || !status) continue;
      if (status.state === 'missing') awaited.giveUp(producerErrors.askLost());
      else if (status.state === 'dead') awaited.giveUp(producerErrors.deadLetter(undefined));
      else onLook?.(status);
    }
  }

  /** Undefined: it does not say, now. */
  async #status(
    number: number,
    queue: string,
    signal: AbortSignal,
  ): Promise<AskedStatus | undefined> {
    try {
      return await this.#requester.ask<AskedStatus>({ op: 'asked', number, queue }, signal);
    } catch {
      return undefined;
    }
  }
}

/** @throws SigmqError */
async function sent(sending: Promise<void>): Promise<void> {
  try {
    await sending;
  } catch (error) {
    // Everything else that is refused as unknown was checked before.
    const isUnknown = error instanceof SigmqError && error.code === 'refused';
    throw isUnknown ? producerErrors.cannotAsk() : error;
  }
}

/** @throws SigmqError no-reply, dead-letter */
function replyOf({ kind, exitCode, body }: Answer): AskReply {
  if (kind === AnswerKind.None) throw producerErrors.noReply();
  if (kind === AnswerKind.Dead) throw producerErrors.deadLetter(exitCode);
  const text = () => new TextDecoder().decode(body);
  return { body, exitCode: exitCode ?? 0, text, json: <T>() => JSON.parse(text()) as T };
}
