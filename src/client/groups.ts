import type { BatchSize } from '../link/batch-size.ts';
import { body as bodyKind } from '../options/kinds.ts';
import { producerErrors } from './errors.ts';

/**
 * Puts messages, in order, into groups, each of which fits into one frame.
 * @param size is asked for each group anew
 * @throws SigmqError empty, bad-body; the group being built then is not yielded
 */
export function* groupsOf(
  bodies: Iterable<string | Uint8Array>,
  size: Pick<BatchSize, 'bytes' | 'messages'>,
): Generator<Uint8Array[]> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const given of bodies) {
    bodyKind.check(given);
    const body = typeof given === 'string' ? Buffer.from(given) : given;
    if (body.length === 0) throw producerErrors.empty();
    const isFull = bytes + body.length > size.bytes || group.length >= size.messages;
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
