import { optionErrors } from '../options/errors.ts';
import { queueOfGroup } from '../options/groups.ts';
import { checkNamed, isObject, type Kinds } from '../options/kind.ts';
import { queueName } from '../options/kinds.ts';
import { rate } from '../options/rates.ts';
import * as values from '../options/values.ts';

/** What holds for one queue, instead of what holds for all of a broker; what is left out is as there. */
export interface QueueSettings {
  /** Attempts before a message is dead; one that has a number of its own goes by that. */
  readonly maxAttempts?: number | undefined;
  /** Pause after the first failed attempt; it doubles after each further one; ms. */
  readonly backoffMs?: number | undefined;
  /** Each pause is up to this much longer or shorter, at random; 0 to 1 of it. */
  readonly jitter?: number | undefined;
  /** Messages that it may hold, the dead ones included. */
  readonly maxMessages?: number | undefined;
  /** Bytes of their bodies and headers. */
  readonly maxBytes?: number | undefined;
  /** Dead messages are removed after this; ms. */
  readonly deadAgeMs?: number | undefined;
  /** Messages that are dead go on to this queue. */
  readonly deadTo?: string | undefined;
  /** Deliveries of one broker: `10/s`, `100/m`, `1000/h`. */
  readonly rate?: string | undefined;
  /** Messages that consumers have at a time, over all brokers of the store. */
  readonly concurrency?: number | undefined;
}

/** What is to be different; null: as the broker has it. */
export type QueueChange = {
  readonly [Name in keyof QueueSettings]?: QueueSettings[Name] | null;
};

const QUEUE_KINDS: Kinds<QueueSettings> = {
  maxAttempts: values.maxAttempts,
  backoffMs: values.pause,
  jitter: values.jitter,
  maxMessages: values.maxMessages,
  maxBytes: values.storeSize,
  deadAgeMs: values.wait,
  deadTo: queueName,
  rate,
  concurrency: values.concurrency,
};

const NAMES = Object.keys(QUEUE_KINDS) as (keyof QueueSettings)[];

/** @throws OptionError also for a name that is not known, and for a change of nothing */
export function checkQueueChange(change: QueueChange): void {
  if (!isObject(change)) throw optionErrors.badOption(change, 'an object with settings');
  for (const [name, value] of Object.entries(change)) {
    const kind = NAMES.includes(name as never) ? QUEUE_KINDS[name as keyof QueueSettings] : null;
    if (!kind) throw optionErrors.noSetting(name);
    if (value !== null && value !== undefined) checkNamed(name, value, kind);
  }
  if (Object.values(change).every((value) => value === undefined)) throw optionErrors.noChange();
}

export function changed(settings: QueueSettings, change: QueueChange): QueueSettings {
  const after = { ...settings, ...change };
  return Object.fromEntries(
    NAMES.filter((name) => after[name] != null).map((name) => [name, after[name]]),
  );
}

/** What a store has kept; what this version does not know, or cannot be, is left out. */
export function settingsOf(json: unknown): QueueSettings {
  if (!isObject(json)) return {};
  const known = NAMES.filter((name) => {
    try {
      const value = (json as QueueSettings)[name];
      if (value !== undefined) QUEUE_KINDS[name].check(value);
      return value !== undefined;
    } catch {
      return false;
    }
  });
  return Object.fromEntries(known.map((name) => [name, (json as QueueSettings)[name]]));
}

const NONE: QueueSettings = {};

/** The settings of all queues that have any. */
export class Queues {
  readonly #all = new Map<string, QueueSettings>();

  /** Those of a queue; they hold for each of its groups as well. */
  of(queue: string): QueueSettings {
    return this.#all.get(queueOfGroup(queue)) ?? NONE;
  }

  get all(): ReadonlyMap<string, QueueSettings> {
    return this.#all;
  }

  set(queue: string, settings: QueueSettings): void {
    if (Object.keys(settings).length === 0) this.#all.delete(queue);
    else this.#all.set(queue, settings);
  }

  replace(all: Iterable<readonly [queue: string, settings: QueueSettings]>): void {
    this.#all.clear();
    for (const [queue, settings] of all) this.set(queue, settings);
  }

  /** @throws OptionError: what dies in a queue would come back to it */
  assertEnds(queue: string, settings: QueueSettings): void {
    const way = this.#wayFrom(queue, settings);
    if (way.lastIndexOf(queue) > 0) throw optionErrors.deadLoop(way);
  }

  /** Whether what dies in a queue never comes back to it. */
  endsWith(queue: string, settings: QueueSettings): boolean {
    return this.#wayFrom(queue, settings).lastIndexOf(queue) === 0;
  }

  /** The queues through which a message goes that dies again and again, up to the first that comes twice. */
  #wayFrom(queue: string, { deadTo }: QueueSettings): string[] {
    const way = [queue];
    for (let next = deadTo; next !== undefined; next = this.of(next).deadTo) {
      const isKnown = way.includes(next);
      way.push(next);
      if (isKnown) break;
    }
    return way;
  }
}
