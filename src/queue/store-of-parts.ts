import type { Asked, Asks, Reply } from './asks.ts';
import type {
  BodyPart,
  ById,
  Changed,
  Edit,
  Inspection,
  Kicked,
  QueueCounts,
  Selection,
  Stored,
} from './inspection.ts';
import type {
  DeliveryName,
  NewMessage,
  Published,
  Reservation,
  Reserved,
  Settled,
  Settlement,
} from './message.ts';
import type { QueueChange, QueueSettings } from './queue-settings.ts';
import type { Dropped, Store } from './store.ts';
import type { Swept } from './swept.ts';

/** Who does what a {@link Store} does. */
export interface StoreParts {
  readonly publisher: Pick<Store, 'publish'>;
  readonly groups: Pick<Store, 'addGroups' | 'groups' | 'removeGroup'>;
  readonly deliveries: Pick<Store, 'reserve' | 'reservations'>;
  readonly settlements: Pick<Store, 'settle' | 'settleLate'>;
  readonly asks: Asks;
  readonly timetable: {
    readonly swept: Swept;
    next(): Promise<number | undefined>;
    sweep(): Promise<void>;
  };
  readonly lookups: Pick<Store, 'lastNumber' | 'hasReady' | 'oldest' | 'delayedUntil' | 'isEmpty'>;
  readonly inspection: Omit<Inspection, keyof ById | 'removeGroup'>;
  readonly byId: ById;
}

/** A store that leaves everything to its parts but to open and to close itself. */
export abstract class StoreOfParts implements Store {
  abstract readonly name: string;
  abstract readonly identity: string;
  abstract readonly incarnation: number;
  protected abstract readonly parts: StoreParts;

  abstract close(): Promise<void>;

  publish(batch: readonly NewMessage[]): Promise<Published[]> {
    return this.parts.publisher.publish(batch);
  }

  addGroups(names: readonly string[]): Promise<void> {
    return this.parts.groups.addGroups(names);
  }

  groups(): Promise<readonly string[]> {
    return this.parts.groups.groups();
  }

  removeGroup(name: string): Promise<number> {
    return this.parts.groups.removeGroup(name);
  }

  reserve(
    queues: readonly string[],
    consumers: readonly string[],
    maxBytes?: number,
  ): Promise<Reserved[]> {
    return this.parts.deliveries.reserve(queues, consumers, maxBytes);
  }

  reservations(): Promise<Reservation[]> {
    return this.parts.deliveries.reservations();
  }

  settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    return this.parts.settlements.settle(settlements);
  }

  settleLate(id: number, name: DeliveryName, reply?: Uint8Array): Promise<string | undefined> {
    return this.parts.settlements.settleLate(id, name, reply);
  }

  repliesAt(place: string, limit: number): Promise<string[]> {
    return this.parts.asks.repliesAt(place, limit);
  }

  reply(asker: string): Promise<Reply | undefined> {
    return this.parts.asks.reply(asker);
  }

  forgetReplies(askers: readonly string[]): Promise<void> {
    return this.parts.asks.forgetReplies(askers);
  }

  asked(asker: string): Promise<Asked | undefined> {
    return this.parts.asks.asked(asker);
  }

  nextSweep(): Promise<number | undefined> {
    return this.parts.timetable.next();
  }

  async sweep(): Promise<boolean> {
    await this.parts.timetable.sweep();
    return this.parts.timetable.swept.takeReady();
  }

  takeExpired(): ReadonlyMap<string, number> {
    return this.parts.timetable.swept.takeExpired();
  }

  takeDropped(): readonly Dropped[] {
    return this.parts.timetable.swept.takeDropped();
  }

  lastNumber(process: string): Promise<number | undefined> {
    return this.parts.lookups.lastNumber(process);
  }

  hasReady(queues: readonly string[]): Promise<boolean> {
    return this.parts.lookups.hasReady(queues);
  }

  oldest(queue: string): Promise<number | undefined> {
    return this.parts.lookups.oldest(queue);
  }

  delayedUntil(): Promise<number | undefined> {
    return this.parts.lookups.delayedUntil();
  }

  isEmpty(withPaused: boolean): Promise<boolean> {
    return this.parts.lookups.isEmpty(withPaused);
  }

  counts(): Promise<QueueCounts[]> {
    return this.parts.inspection.counts();
  }

  peek(queue: string, selection?: Selection): Promise<Stored[]> {
    return this.parts.inspection.peek(queue, selection);
  }

  purge(queue: string, selection?: Selection): Promise<number> {
    return this.parts.inspection.purge(queue, selection);
  }

  kick(queue: string, selection?: Kicked): Promise<number> {
    return this.parts.inspection.kick(queue, selection);
  }

  settings(queue: string): Promise<QueueSettings> {
    return this.parts.inspection.settings(queue);
  }

  set(queue: string, change: QueueChange): Promise<QueueSettings> {
    return this.parts.inspection.set(queue, change);
  }

  pause(queue: string, paused: boolean): Promise<void> {
    return this.parts.inspection.pause(queue, paused);
  }

  find(id: number, part?: BodyPart): Promise<Stored | undefined> {
    return this.parts.byId.find(id, part);
  }

  remove(ids: readonly number[]): Promise<Changed[]> {
    return this.parts.byId.remove(ids);
  }

  edit(ids: readonly number[], edit: Edit): Promise<Changed[]> {
    return this.parts.byId.edit(ids, edit);
  }
}
