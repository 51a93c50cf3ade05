import { IdSequence } from '../codec/id-sequence.ts';
import type { Reserved } from '../queue/message.ts';

/** What a consumer was told with the last delivery that it has understood, and need not be told again. */
export interface Told {
  readonly incarnation: number;
  readonly ids: IdSequence;
}

/** What a consumer that has understood a delivery knows from then on. */
export function toldWith(told: Told | undefined, messages: readonly Reserved[]): Told | undefined {
  const incarnation = messages[0]?.incarnation;
  if (incarnation === undefined) return told;
  const before = told?.incarnation === incarnation ? told.ids : IdSequence.empty;
  return { incarnation, ids: messages.reduce((ids, { id }) => ids.with(id), before) };
}
