import type { Entry } from '../codec/batch.ts';
import { IdSequence } from '../codec/id-sequence.ts';
import type { Sender } from '../link/inbound.ts';
import { Unpacker } from '../link/model.ts';
import type { Name } from './handled.ts';

/** What the broker that delivered last, `pid:start`, has told: this process, not one consumer in it. */
const told = { by: '', incarnation: 0, ids: IdSequence.empty, unpacker: new Unpacker() };

const keyOf = ({ pid, start }: Sender): string => `${pid}:${start}`;

function toldBy(sender: Sender): typeof told {
  const by = keyOf(sender);
  if (told.by !== by) {
    told.unpacker.reset();
    Object.assign(told, { by, incarnation: 0, ids: IdSequence.empty });
  }
  return told;
}

/** What it and this process have learned of its deliveries. */
export function unpackerFor(sender: Sender): Unpacker {
  return toldBy(sender).unpacker;
}

/** The same, unless another one delivered last. */
export function unpackerSoFar(sender: Sender): Unpacker | undefined {
  return told.by === keyOf(sender) ? told.unpacker : undefined;
}

/**
 * The names of the deliveries in one frame; undefined when one of them cannot be known.
 * @param said the incarnation that the frame states
 */
export function namesOf(
  sender: Sender,
  said: number | undefined,
  entries: readonly Entry[],
): Name[] | undefined {
  const known = toldBy(sender);
  const incarnation = said ?? known.incarnation;
  let ids = said === undefined ? known.ids : IdSequence.empty;
  const names: Name[] = [];
  for (const { fields } of entries) {
    const id = fields.id ?? ids.expected;
    if (id === undefined) return undefined;
    ids = ids.with(id);
    names.push({ id, incarnation, delivery: fields.delivery ?? fields.attempt ?? 1 });
  }
  Object.assign(known, { incarnation, ids });
  return names;
}
