import { encodeEnvelope } from '../codec/envelope.ts';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { SignalCodec } from '../codec/signal-codec.ts';
import type { Reserved } from '../queue/store.ts';
import type { ConsumerState } from './consumer-state.ts';
import type { InFlight } from './in-flight.ts';
import type { Journal } from './journal.ts';
import type { Roster } from './roster.ts';
import type { RosterWatch } from './roster-watch.ts';

/** A message on its way to a consumer. */
export interface Delivery {
  readonly consumer: ConsumerState;
  readonly message: Reserved;
  /** The consumer may have received it before. */
  readonly inDoubt?: boolean;
}

/** What events say about a delivery. */
export const namesOf = ({ consumer: { pid }, message: { id, queue } }: Delivery) => {
  return { pid, id, queue };
};

/** The parts that have to know how deliveries end. */
export interface DeliveryOptions {
  readonly roster: Roster;
  readonly rosterWatch: Pick<RosterWatch, 'refresh'>;
  readonly inFlight: InFlight;
  readonly journal: Journal;
}

/** Defaults are left out: they would cost eight signals per byte, twice. */
export function deliveryFrame(
  message: Reserved,
  { seq, told }: { readonly seq: number; readonly told: number | undefined },
): Uint8Array {
  const { id, queue, attempt, delivery, incarnation, releases, headers, body } = message;
  const fields = {
    id,
    ...(queue === DEFAULT_QUEUE ? {} : { queue }),
    ...(attempt === 1 ? {} : { attempt }),
    ...(delivery === attempt ? {} : { delivery }),
    ...(incarnation === told ? {} : { incarnation }),
    ...(releases === 0 ? {} : { releases }),
    ...(headers?.length ? { headers } : {}),
  };
  return SignalCodec.encode(encodeEnvelope({ seq, body, more: false, control: false, fields }));
}
