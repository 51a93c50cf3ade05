import { type Entry, MAX_BATCH_MESSAGES } from '../codec/batch.ts';
import type { Envelope } from '../codec/envelope.ts';
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

export interface Settle {
  readonly id: number;
  /** Which delivery of it. */
  readonly delivery: number;
  /** In which that was made; undefined: the one of the broker that is told. */
  readonly incarnation: number | undefined;
  readonly verb: Verb;
  /** Why it is not done, for people; undefined: nothing is said. */
  readonly reason?: string | undefined;
}

/** Settlements in one frame. */
export const MAX_SETTLEMENTS = MAX_BATCH_MESSAGES;

const verbs: ReadonlySet<string> = new Set(Object.values(Verb));

/** The settlements in a control frame; undefined when it is something else. */
export function settlementsOf(envelope: Envelope): Settle[] | undefined {
  const entries = messagesOf(envelope, 0);
  const all = Array.isArray(entries) ? entries.map(settlementOf) : [];
  const known = all.filter((one) => one !== undefined);
  return known.length > 0 && known.length === all.length ? known : undefined;
}

function settlementOf({ body, fields }: Entry): Settle | undefined {
  const verb = String.fromCharCode(...body.subarray(0, 1));
  if (body.length !== 1 || !verbs.has(verb) || fields.ref === undefined) return undefined;
  const { ref: id, delivery = 1, incarnation, reason } = fields;
  return { id, delivery, incarnation, verb: verb as Verb, reason };
}

/** The frame of settlements, with its zero byte. @param accepts what the broker takes */
export function settlementsFrame(all: readonly Settle[], accepts: Accepts): Uint8Array {
  return messagesFrame(0, { fields: {}, entries: all.map(entryOf) }, accepts, { control: true });
}

function entryOf({ id, delivery, incarnation, verb, reason }: Settle): Entry {
  return {
    body: Uint8Array.of(verb.charCodeAt(0)),
    fields: {
      ref: id,
      ...(delivery === 1 ? {} : { delivery }),
      ...(incarnation === undefined ? {} : { incarnation }),
      ...(reason === undefined ? {} : { reason }),
    },
  };
}
