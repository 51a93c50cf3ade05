import type { Envelope } from '../codec/envelope.ts';
import { controlFrame } from './control-frame.ts';

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
}

const verbs: ReadonlySet<string> = new Set(Object.values(Verb));

/** The settlement in a control frame; undefined when it is something else. */
export function settlementOf({ body, fields }: Envelope): Settle | undefined {
  const verb = String.fromCharCode(...body.subarray(0, 1));
  if (body.length !== 1 || !verbs.has(verb) || fields.ref === undefined) return undefined;
  const { ref: id, delivery = 1, incarnation } = fields;
  return { id, delivery, incarnation, verb: verb as Verb };
}

/** The frame of a settlement, with its zero byte. */
export function settlementFrame({ id, delivery, incarnation, verb }: Settle): Uint8Array {
  const body = Uint8Array.of(verb.charCodeAt(0));
  return controlFrame(body, {
    ref: id,
    ...(delivery === 1 ? {} : { delivery }),
    ...(incarnation === undefined ? {} : { incarnation }),
  });
}
