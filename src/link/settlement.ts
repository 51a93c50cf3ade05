import { type Envelope, encodeEnvelope } from '../codec/envelope.ts';
import { SignalCodec } from '../codec/signal-codec.ts';

/** What a consumer says of a message that it answered with `later` (docs/protocol.md, section 7). */
export const Verb = { Done: 'd', Failed: 'f', Release: 'r', Dead: 'x' } as const;
export type Verb = (typeof Verb)[keyof typeof Verb];

export interface Settle {
  readonly id: number;
  readonly verb: Verb;
}

const verbs: ReadonlySet<string> = new Set(Object.values(Verb));

/** The settlement in a control frame; undefined when it is something else. */
export function settlementOf({ body, fields }: Envelope): Settle | undefined {
  const verb = String.fromCharCode(...body.subarray(0, 1));
  if (body.length !== 1 || !verbs.has(verb) || fields.ref === undefined) return undefined;
  return { id: fields.ref, verb: verb as Verb };
}

/** The frame of a settlement, with its zero byte. @param seq 0 to 127 */
export function settlementFrame(settle: Settle, seq: number): Uint8Array {
  const body = Uint8Array.of(settle.verb.charCodeAt(0));
  const fields = { ref: settle.id };
  return SignalCodec.encode(encodeEnvelope({ seq, body, more: false, control: true, fields }));
}
