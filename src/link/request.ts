import type { Envelope } from '../codec/envelope.ts';
import { controlFrame } from './control-frame.ts';

/** Something asked of the broker, or its reply: JSON in a control frame (docs/protocol.md, section 8). */
export interface Note {
  /** Chosen by who asks. */
  readonly number: number;
  readonly content: unknown;
}

/** The request in a control frame; undefined when it is something else. */
export function requestOf(envelope: Envelope): Note | undefined {
  return noteOf(envelope, envelope.fields.request);
}

/** The reply in a control frame; undefined when it is something else. */
export function replyOf(envelope: Envelope): Note | undefined {
  return noteOf(envelope, envelope.fields.ref);
}

export function requestFrame({ number, content }: Note): Uint8Array {
  return controlFrame(Buffer.from(JSON.stringify(content)), { request: number });
}

export function replyFrame({ number, content }: Note): Uint8Array {
  return controlFrame(Buffer.from(JSON.stringify(content)), { ref: number });
}

function noteOf({ body, control }: Envelope, number: number | undefined): Note | undefined {
  if (!control || number === undefined) return undefined;
  try {
    return { number, content: JSON.parse(Buffer.from(body).toString()) as unknown };
  } catch {
    return undefined;
  }
}
