import { clockMs } from '../clock.ts';
import type { Mark } from '../registry/claim.ts';
import { pruneConsumers } from '../registry/consumers-edit.ts';
import { type ConsumerLine, readConsumers } from '../registry/consumers-file.ts';
import { RegistryError } from '../registry/errors.ts';
import { isStopped, type ProcessTable } from '../registry/process-info.ts';
import { isGone, vetTarget } from '../registry/vet.ts';
import { seenIn, vetLine, witnessed } from '../registry/witness.ts';
import {
  type ConsumerState,
  FIRST_REST_MS,
  newConsumer,
  roomOf,
  wishesOf,
} from './consumer-state.ts';
import { type BrokerEventData, eventOf } from './events.ts';
import type { Journal } from './journal.ts';
import { keyOf, type Peer } from './peer.ts';

/** Bad lines that are reported. */
const MAX_WARNINGS = 20;
/** How long a consumer that was continued waits at most for its next turn; ms. */
const LONGEST_TURN_PAUSE_MS = 1000;

export interface RosterOptions {
  readonly dir: string;
  readonly table: ProcessTable;
  readonly journal: Journal;
}

/** Consumers that were there at the previous check and no longer are. */
export interface Departed {
  /** They have left the file, and may still have messages to settle. */
  readonly left: readonly ConsumerState[];
  /** They have ended, or turned out to be other processes. */
  readonly ended: readonly ConsumerState[];
}

/** The consumers of consumers.txt that are safe to signal, in the order of the file. */
export class Roster {
  readonly #options: RosterOptions;
  readonly #warned = new Set<string>();
  /** Since when processes have been alive but unfit for signals, by PID and reason; ms of `clockMs`. */
  #unfit = new Map<string, number>();
  #consumers = new Map<string, ConsumerState>();
  /** They left the file with messages in flight: they get no more, but may settle those. */
  readonly #leaving = new Map<string, ConsumerState>();
  /**
   * What each line stood for when it was read: a foreign line stands for the process that had the PID when we first
   * saw it, even if somebody removes what we wrote after it.
   */
  #seen = new Map<number, Mark>();
  /** Lines have to be changed: those of ended processes, or those that do not yet say which process they stand for. */
  #untidy = false;
  /** The key of the consumer that was given something last: the next turn starts after it. */
  #last = '';

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  get all(): ConsumerState[] {
    return [...this.#consumers.values(), ...this.#leaving.values()];
  }

  get(key: string): ConsumerState | undefined {
    return this.#consumers.get(key) ?? this.#leaving.get(key);
  }

  /** Whether it may get messages. */
  isRegistered(consumer: ConsumerState): boolean {
    return this.#consumers.get(consumer.key) === consumer;
  }

  /**
   * The process that had a message when an earlier broker ended, if it is alive and can say what became of it.
   * @param key `pid:start`
   */
  survivor(key: string): ConsumerState | undefined {
    const known = this.get(key);
    if (known) return known.kind === 'echo' ? known : undefined;
    const [pid = 0, start = 0] = key.split(':').map(Number);
    const vetted = vetTarget(pid, { start }, this.#options.table);
    if (!vetted.ok || vetted.kind !== 'echo') return undefined;
    const consumer = newConsumer({ attrs: new Map(), writtenMs: 0 }, { pid, start }, 'echo');
    this.#leaving.set(consumer.key, consumer);
    return consumer;
  }

  /** How long the newest unfit process has been alive; it may yet catch the signals, or end; ms. */
  get unfitForMs(): number | undefined {
    let last: number | undefined;
    for (const since of this.#unfit.values()) last = Math.max(last ?? since, since);
    return last === undefined ? undefined : clockMs() - last;
  }

  /** Reads the file again. */
  look(): Departed {
    const before = this.#consumers;
    const now = new Map<string, ConsumerState>();
    const unfit = new Map<string, number>();
    const { dir, table } = this.#options;
    const lines = readConsumers(dir);
    const known = witnessed(lines, table, this.#seen);
    this.#seen = seenIn(known);
    this.#untidy = known.some((line, n) => line !== lines[n]);
    for (const line of known) {
      const { pid } = line;
      if (pid === undefined) {
        this.#warn({ type: 'line-refused', line: line.raw });
        continue;
      }
      const vetted = vetLine(line, table);
      if (vetted.ok) {
        const consumer = this.#consumerOf(line, { pid, start: vetted.info.start }, vetted.kind);
        now.set(consumer.key, consumer);
      } else if (isGone(vetted)) this.#untidy = true;
      else {
        const name = `${pid}:${vetted.why}`;
        unfit.set(name, this.#unfit.get(name) ?? clockMs());
        this.#warn({ type: 'consumer-refused', pid, why: vetted.why });
      }
    }
    this.#unfit = unfit;
    this.#consumers = now;
    this.#keepTurn([...before.keys()]);
    return this.#departed(before);
  }

  #departed(before: ReadonlyMap<string, ConsumerState>): Departed {
    const left: ConsumerState[] = [];
    const ended: ConsumerState[] = [];
    for (const [key, consumer] of before) {
      if (this.#consumers.has(key)) continue;
      if (this.isGone(consumer)) ended.push(consumer);
      else {
        left.push(consumer);
        this.#leaving.set(key, consumer);
      }
    }
    for (const [key, consumer] of this.#leaving) {
      const isBack = this.#consumers.has(key);
      const isOver = !isBack && consumer.inFlight.size > 0 && this.isGone(consumer);
      if (isOver) ended.push(consumer);
      if (isBack || isOver || consumer.inFlight.size === 0) this.#leaving.delete(key);
    }
    return { left, ended };
  }

  /** If the consumer that was given something last is gone, the next turn still starts where it was. */
  #keepTurn(before: readonly string[]): void {
    let at = before.indexOf(this.#last);
    while (at >= 0 && !this.#consumers.has(before[at] ?? '')) at--;
    this.#last = before[at] ?? '';
  }

  /**
   * Removes the dead from the file, and records which processes the other lines stand for, as far as the last check
   * showed. A failure to write it (a full disk) does not keep us from serving the living.
   */
  async tidy(): Promise<void> {
    if (!this.#untidy) return;
    const { dir, table } = this.#options;
    const isStale = (line: ConsumerLine) => isGone(vetLine(line, table));
    try {
      const gone = await pruneConsumers(dir, isStale, table, this.#seen);
      for (const { pid } of gone) if (pid !== undefined) this.#seen.delete(pid);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      this.#warn({ type: 'lines-not-tidied', error });
    }
  }

  /** Free consumers in turn, starting after the one that was given something last. */
  free(now: number): ConsumerState[] {
    const all = [...this.#consumers.values()];
    const at = all.findIndex((consumer) => consumer.key === this.#last) + 1;
    return [...all.slice(at), ...all.slice(0, at)].filter(
      (consumer) => roomOf(consumer) > 0 && consumer.restsUntil <= now,
    );
  }

  /** Whether a queue has a consumer that takes any bytes. */
  hasEcho(queue: string): boolean {
    return [...this.#consumers.values()].some(
      ({ kind, queues }) => kind === 'echo' && queues.includes(queue),
    );
  }

  /** How many consumers take from one of these queues. */
  takersOf(names: readonly string[]): number {
    const takes = ({ queues }: ConsumerState) => queues.some((queue) => names.includes(queue));
    return [...this.#consumers.values()].filter(takes).length;
  }

  /** It was its turn. */
  dealt(consumer: ConsumerState): void {
    this.#last = consumer.key;
  }

  /** It answers. */
  answered(consumer: ConsumerState): void {
    consumer.restMs = FIRST_REST_MS;
  }

  /** It did not answer: leave it alone for a while. */
  rest(consumer: ConsumerState, now: number): void {
    consumer.hand = 1;
    consumer.restsUntil = now + consumer.restMs;
    consumer.restMs = Math.min(consumer.restMs * 2, LONGEST_TURN_PAUSE_MS);
  }

  /** Stopped by a signal (Ctrl-Z) or a debugger: it would keep the bus from the others. */
  isStopped({ pid }: ConsumerState): boolean {
    const info = this.#options.table.read(pid);
    return info !== undefined && isStopped(info);
  }

  isGone({ pid, start }: ConsumerState): boolean {
    const vetted = vetTarget(pid, { start }, this.#options.table);
    return isGone(vetted);
  }

  #consumerOf(line: ConsumerLine, peer: Peer, kind: ConsumerState['kind']): ConsumerState {
    const consumer = this.get(keyOf(peer));
    if (!consumer) return newConsumer(line, peer, kind);
    // It may have registered again with another endpoint; what it has to settle stays.
    const wishes = wishesOf(line, kind);
    if (wishes.nth !== consumer.nth) consumer.given = consumer.inFlight.size;
    return Object.assign(consumer, { kind, ...wishes });
  }

  #warn(fact: BrokerEventData): void {
    const { message } = eventOf(fact);
    if (this.#warned.size > MAX_WARNINGS || this.#warned.has(message)) return;
    this.#warned.add(message);
    const isLast = this.#warned.size > MAX_WARNINGS;
    this.#options.journal.say(isLast ? { type: 'many-lines-refused' } : fact);
  }
}
