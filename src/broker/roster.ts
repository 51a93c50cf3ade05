import { clockMs } from '../clock.ts';
import type { Mark } from '../registry/claim.ts';
import { pruneConsumers } from '../registry/consumers-edit.ts';
import { type ConsumerLine, readConsumers } from '../registry/consumers-file.ts';
import { RegistryError, unfitConsumer } from '../registry/errors.ts';
import { isStopped, type ProcessTable } from '../registry/process-table.ts';
import { isGone, vetTarget } from '../registry/vet.ts';
import { seenIn, vetLine, witnessed } from '../registry/witness.ts';
import { type ConsumerState, FIRST_REST_MS, newConsumer, wishesOf } from './consumer-state.ts';

/** Bad lines that are reported. */
const MAX_WARNINGS = 20;
/** So long a consumer that was continued waits at most for its next turn; ms. */
const LONGEST_REST_MS = 1000;

export interface RosterOptions {
  readonly dir: string;
  readonly table: ProcessTable;
  onWarning(sentence: string): void;
  /** A consumer has left the file; it may still hold messages. */
  onLeft(consumer: ConsumerState): void;
  /** A consumer ended, or turned out to be another process. */
  onEnded(consumer: ConsumerState): void;
}

/** The consumers of consumers.txt that are safe to signal, in the order of the file. */
export class Roster {
  readonly #options: RosterOptions;
  readonly #warned = new Set<string>();
  /** Since when processes live that get no signals, by PID and reason; ms of `clockMs`. */
  #unfit = new Map<string, number>();
  #consumers = new Map<string, ConsumerState>();
  /** They have left the file and still hold messages: they get no more, but may settle. */
  readonly #leaving = new Map<string, ConsumerState>();
  /**
   * What each line stood for when it was read: a foreign one stands for the process that had the PID when we
   * first saw it, also when somebody takes away what we wrote behind it.
   */
  #seen = new Map<number, Mark>();
  /** Lines are to be changed: some of processes that ended, or that do not say yet for whom they stand. */
  #untidy = false;
  /** The key that was served last: the next turn starts behind it. */
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

  /**
   * The process that held a message when an earlier broker ended, if it lives and can say what became of
   * it. @param key `pid:start`
   */
  holder(key: string): ConsumerState | undefined {
    const known = this.get(key);
    if (known) return known.kind === 'echo' ? known : undefined;
    const [pid = 0, start = 0] = key.split(':').map(Number);
    const vetted = vetTarget(pid, { start }, this.#options.table);
    if (!vetted.ok || vetted.kind !== 'echo') return undefined;
    const consumer = newConsumer({ attrs: new Map(), writtenMs: 0 }, key, pid, start, 'echo');
    this.#leaving.set(key, consumer);
    return consumer;
  }

  /** So long the one that came last has lived unfit for signals; it may yet catch them, or end; ms. */
  get unfitForMs(): number | undefined {
    let last: number | undefined;
    for (const since of this.#unfit.values()) last = Math.max(last ?? since, since);
    return last === undefined ? undefined : clockMs() - last;
  }

  /** Reads the file again, and tidies it. */
  async refresh(): Promise<void> {
    this.look();
    await this.tidy();
  }

  /** Reads the file again. */
  look(): void {
    const before = this.#consumers;
    const now = new Map<string, ConsumerState>();
    const unfit = new Map<string, number>();
    const { dir, table } = this.#options;
    const lines = readConsumers(dir);
    const known = witnessed(lines, table, this.#seen);
    this.#seen = seenIn(known);
    this.#untidy = known.some((line, n) => line !== lines[n]);
    for (const line of known) {
      const consumer = this.#consumerOf(line, before);
      if (consumer === 'gone') this.#untidy = true;
      else if (typeof consumer === 'string')
        unfit.set(consumer, this.#unfit.get(consumer) ?? clockMs());
      else if (consumer) now.set(consumer.key, consumer);
    }
    this.#unfit = unfit;
    this.#consumers = now;
    this.#keepTurn([...before.keys()]);
    for (const [key, consumer] of before) if (!now.has(key)) this.#leave(consumer);
    for (const consumer of this.#leaving.values()) {
      if (now.has(consumer.key) || consumer.holding.size === 0) this.#leaving.delete(consumer.key);
      else if (this.isGone(consumer)) this.#end(consumer);
    }
  }

  /** When who was served last is gone, the next turn still starts where it stood. */
  #keepTurn(before: readonly string[]): void {
    let at = before.indexOf(this.#last);
    while (at >= 0 && !this.#consumers.has(before[at] ?? '')) at--;
    this.#last = before[at] ?? '';
  }

  #leave(consumer: ConsumerState): void {
    if (this.isGone(consumer)) {
      this.#end(consumer);
      return;
    }
    if (consumer.holding.size > 0) this.#leaving.set(consumer.key, consumer);
    this.#options.onLeft(consumer);
  }

  #end(consumer: ConsumerState): void {
    this.#leaving.delete(consumer.key);
    this.#options.onEnded(consumer);
  }

  /**
   * The dead leave the file, and for whom the others stand is written down, as far as the last look has
   * shown. That it cannot be written (a full disk) does not keep us from the living.
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
      this.#warn(`${error.message} ${error.hint}`);
    }
  }

  /** Free consumers in turn, beginning behind the one that was served last. */
  free(now: number): ConsumerState[] {
    const all = [...this.#consumers.values()];
    const at = all.findIndex((consumer) => consumer.key === this.#last) + 1;
    return [...all.slice(at), ...all.slice(0, at)].filter(
      ({ holding, overdue, slots, restsUntil }) =>
        holding.size + overdue.size < slots && restsUntil <= now,
    );
  }

  /** Whether a consumer that takes any bytes is there for a queue. */
  hasEcho(queue: string): boolean {
    return [...this.#consumers.values()].some(
      ({ kind, queues }) => kind === 'echo' && queues.includes(queue),
    );
  }

  served(consumer: ConsumerState): void {
    this.#last = consumer.key;
    consumer.restMs = FIRST_REST_MS;
  }

  /** It did not answer: leave it alone for a while. */
  rest(consumer: ConsumerState, now: number): void {
    consumer.restsUntil = now + consumer.restMs;
    consumer.restMs = Math.min(consumer.restMs * 2, LONGEST_REST_MS);
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

  /** @returns text for who gets no signals: `gone`, or PID and reason; undefined for who is no process */
  #consumerOf(
    line: ConsumerLine,
    before: ReadonlyMap<string, ConsumerState>,
  ): ConsumerState | string | undefined {
    if (line.pid === undefined)
      return this.#warn(
        `consumers.txt has a line that does not start with a PID: ${JSON.stringify(line.raw.slice(0, 40))}.`,
      );
    const vetted = vetLine(line, this.#options.table);
    if (!vetted.ok) {
      if (isGone(vetted)) return 'gone';
      this.#warn(unfitConsumer(line.pid, vetted.why));
      return `${line.pid}:${vetted.why}`;
    }
    const key = `${line.pid}:${vetted.info.start}`;
    const consumer = before.get(key) ?? this.#leaving.get(key);
    if (!consumer) return newConsumer(line, key, line.pid, vetted.info.start, vetted.kind);
    // It may have registered anew, and another endpoint; what it holds it still holds.
    const { kind } = vetted;
    return Object.assign(consumer, { kind, ...wishesOf(line, kind) });
  }

  #warn(sentence: string): undefined {
    if (this.#warned.size > MAX_WARNINGS || this.#warned.has(sentence)) return;
    this.#warned.add(sentence);
    const more = this.#warned.size > MAX_WARNINGS;
    this.#options.onWarning(more ? 'consumers.txt has more bad lines; no more is said.' : sentence);
  }
}
