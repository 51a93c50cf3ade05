import { body as bodyKind } from '../options/kinds.ts';
import { producerErrors } from './errors.ts';

/** Messages in one hold of the bus; less than half of the sequence space. */
const MAX_HOLD_MESSAGES = 48;
/** Bytes in one hold: a small part of a second on the wire, so that others get their turn. */
const MAX_HOLD_BYTES = 1200;

/**
 * Puts messages, in order, into groups, each of which is sent in one hold of the bus.
 * @throws SigmqError empty, bad-body; the group being built then is not yielded
 */
export function* groupsOf(bodies: Iterable<string | Uint8Array>): Generator<Uint8Array[]> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const given of bodies) {
    bodyKind.check(given);
    const body = typeof given === 'string' ? Buffer.from(given) : given;
    if (body.length === 0) throw producerErrors.empty();
    const isFull = bytes + body.length > MAX_HOLD_BYTES || group.length >= MAX_HOLD_MESSAGES;
    if (isFull && group.length > 0) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(body);
    bytes += body.length;
  }
  if (group.length > 0) yield group;
}
