import type { Entry } from '../codec/batch.ts';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { IdSequence } from '../codec/id-sequence.ts';
import { type Accepts, type Content, messagesFrame, packAhead } from '../link/messages.ts';
import type { Packer } from '../link/model.ts';
import { queueOfGroup } from '../options/groups.ts';
import { type Reserved, sizeOf } from '../queue/message.ts';
import type { ConsumerState } from './consumer-state.ts';
import type { InFlight } from './in-flight.ts';
import type { Journal } from './journal.ts';
import type { Roster } from './roster.ts';
import type { RosterWatch } from './roster-watch.ts';
import type { Told } from './told.ts';

/** Messages on their way to a consumer, in one frame. */
export interface Delivery {
  readonly consumer: ConsumerState;
  /** At least one; more only for a consumer that accepts batches. */
  readonly messages: readonly Reserved[];
  /** The consumer may have received them before. */
  readonly inDoubt?: boolean;
}

/** What events say about a delivery. */
export const namesOf = ({ pid }: ConsumerState, { id, queue }: Reserved) => ({ pid, id, queue });

/** Bytes that they count with in a frame. */
export function bytesOf(messages: readonly Reserved[]): number {
  return messages.reduce((sum, message) => sum + sizeOf(message), 0);
}

/** The parts that have to know how deliveries end. */
export interface DeliveryOptions {
  readonly roster: Roster;
  readonly rosterWatch: Pick<RosterWatch, 'refresh'>;
  readonly inFlight: InFlight;
  readonly journal: Journal;
}

export interface DeliveryTo {
  readonly seq: number;
  /** Undefined: it is not certain what. */
  readonly told: Told | undefined;
  readonly accepts: Accepts;
  readonly packer?: Packer;
}

/** @throws CodecError when a message fits in no frame */
export function deliveryFrame(
  messages: readonly Reserved[],
  { seq, told, accepts, packer }: DeliveryTo,
): Uint8Array {
  if (!told) packer?.reset();
  const content = contentFor(messages, told);
  return messagesFrame(seq, content, accepts, accepts.model ? { packer } : {});
}

/** Packs what is about to go to its consumer, while the wire has pauses. @param told what it will have been told */
export function packDelivery({ consumer, messages }: Delivery, told: Told | undefined): void {
  // What it knows nothing of begins anew.
  if (told && consumer.accepts.model) packAhead(contentFor(messages, told), consumer.packer);
}

/** Defaults are left out: they cost eight signals a byte, twice. */
function contentFor(messages: readonly Reserved[], told: Told | undefined): Content {
  const incarnation = messages[0]?.incarnation;
  const isKnown = told !== undefined && told.incarnation === incarnation;
  // A consumer knows its group.
  const queues = messages.map((message) => queueOfGroup(message.queue));
  const [queue = DEFAULT_QUEUE] = queues;
  const isOne = queues.every((other) => other === queue);
  const shared = {
    ...(isOne && queue !== DEFAULT_QUEUE ? { queue } : {}),
    ...(isKnown || incarnation === undefined ? {} : { incarnation }),
  };
  let ids = isKnown ? told.ids : IdSequence.empty;
  const entries = messages.map((message) => {
    const entry = entryOf(message, ids.expected, isOne);
    ids = ids.with(message.id);
    return entry;
  });
  return { fields: shared, entries };
}

function entryOf(message: Reserved, expected: number | undefined, isQueueSaid: boolean): Entry {
  const { id, attempt, delivery, releases, headers, body, asker } = message;
  const queue = queueOfGroup(message.queue);
  return {
    body,
    fields: {
      ...(id === expected ? {} : { id }),
      ...(isQueueSaid || queue === DEFAULT_QUEUE ? {} : { queue }),
      ...(attempt === 1 ? {} : { attempt }),
      ...(delivery === attempt ? {} : { delivery }),
      ...(releases === 0 ? {} : { releases }),
      ...(headers?.length ? { headers } : {}),
      ...(asker === undefined ? {} : { asked: 1 }),
    },
  };
}
