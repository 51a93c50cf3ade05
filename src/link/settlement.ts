import { type Entry, MAX_BATCH_MESSAGES } from '../codec/batch.ts';
import { concat } from '../codec/concat.ts';
import type { Envelope } from '../codec/envelope.ts';
import { MAX_EXIT_CODE } from './answer.ts';
import { type Accepts, messagesFrame, messagesOf } from './messages.ts';

/** What a consumer says of a message that it answered with `later` (docs/protocol.md, section 7). */
export const Verb = {
  Done: 'd',
  Failed: 'f',
  /** To be tried later. */
  Release: 'r',
  /** At once, by somebody else. */
  Return: 'b',
  Dead: 'x',
  /** Not settled: the ack-wait begins anew. */
  Extend: 'e',
} as const;
export type Verb = (typeof Verb)[keyof typeof Verb];

/** What a settlement tells besides its verb. */
export interface Told {
  /** Why it is not done, for people; undefined: nothing is said. */
  readonly reason?: string | undefined;
  /** For who asked: with which the work ended, 0 to 255; undefined: not known, and there is no reply. */
  readonly exitCode?: number | undefined;
  /** With `done` and an exit code: the reply. */
  readonly reply?: Uint8Array | undefined;
}

export interface Settle extends Told {
  readonly id: number;
  /** Which delivery of it. */
  readonly delivery: number;
  /** In which that was made; undefined: the one of the broker that is told. */
  readonly incarnation: number | undefined;
  readonly verb: Verb;
}

/** Settlements in one frame. */
export const MAX_SETTLEMENTS = MAX_BATCH_MESSAGES;

const verbs: ReadonlySet<string> = new Set(Object.values(Verb));

/**
 * The settlements in a control frame; undefined when it is something else.
 * @param maxBytes of a reply
 */
export function settlementsOf(envelope: Envelope, maxBytes = 0): Settle[] | undefined {
  const entries = messagesOf(envelope, maxBytes);
  const all = Array.isArray(entries) ? entries.map(settlementOf) : [];
  const known = all.filter((one) => one !== undefined);
  return known.length > 0 && known.length === all.length ? known : undefined;
}

function settlementOf({ body, fields }: Entry): Settle | undefined {
  const verb = String.fromCharCode(...body.subarray(0, 1));
  if (!verbs.has(verb) || fields.ref === undefined) return undefined;
  const { ref: id, delivery = 1, incarnation, reason, exit: exitCode } = fields;
  const why = reason === undefined ? {} : { reason };
  const settle = { id, delivery, incarnation, verb: verb as Verb, ...why };
  if (exitCode === undefined) return body.length === 1 ? settle : undefined;
  if (exitCode > MAX_EXIT_CODE) return undefined;
  if (verb === Verb.Done) return { ...settle, exitCode, reply: new Uint8Array(body.subarray(1)) };
  return body.length === 1 ? { ...settle, exitCode } : undefined;
}

/** The frame of settlements, with its zero byte. @param accepts what the broker takes */
export function settlementsFrame(all: readonly Settle[], accepts: Accepts): Uint8Array {
  return messagesFrame(0, { fields: {}, entries: all.map(entryOf) }, accepts, { control: true });
}

function entryOf({ id, delivery, incarnation, verb, reason, exitCode, reply }: Settle): Entry {
  const head = Uint8Array.of(verb.charCodeAt(0));
  return {
    body: reply === undefined ? head : concat([head, reply]),
    fields: {
      ref: id,
      ...(delivery === 1 ? {} : { delivery }),
      ...(incarnation === undefined ? {} : { incarnation }),
      ...(reason === undefined ? {} : { reason }),
      ...(exitCode === undefined ? {} : { exit: exitCode }),
    },
  };
}
