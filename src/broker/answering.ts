import { answerFrame } from '../link/answer.ts';
import type { Asks } from '../queue/asks.ts';
import { isStopped, type ProcessTable } from '../registry/process-info.ts';
import { vetTarget } from '../registry/vet.ts';
import { askedBy } from './askers.ts';
import type { Journal } from './journal.ts';
import type { Peer } from './peer.ts';
import type { Replies } from './replies.ts';

/** Askers that are looked at in one go. */
const MAX_ASKERS = 1000;
/** Replies on their way at a time; each is in memory. */
const MAX_UNDER_WAY = 64;

export interface AnsweringOptions {
  readonly asks: Asks;
  /** Where this broker is: it can reach those who ask here. */
  readonly place: string;
  readonly replies: Replies;
  readonly table: ProcessTable;
  readonly journal: Journal;
}

/**
 * Tells those who asked what became of their messages. The store keeps each reply until its asker has it or has
 * ended: whatever happens to this broker in between, the next one goes on. Whoever does not take it (it is stopped)
 * is left alone until it asks how far its message is.
 */
export class Answering {
  readonly #options: AnsweringOptions;
  readonly #underWay = new Map<string, Promise<void>>();
  /** They did not take their reply. */
  readonly #resting = new Set<string>();

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  start(): void {
    const { answering } = this.#options.journal;
    answering.start(() => this.#run());
    answering.ask(); // an earlier broker may have left some
  }

  /** Resolves when what is under way has arrived, or is given up; see {@link Replies.stop}. */
  async stop(): Promise<void> {
    await this.#options.journal.answering.stop();
    await Promise.all(this.#underWay.values());
  }

  /** It asks how far its message is, and so it listens. */
  wake(asker: string): void {
    this.#resting.delete(asker);
    this.#options.journal.answering.ask();
  }

  async #run(): Promise<void> {
    const { asks, place, journal } = this.#options;
    const known = await asks.repliesAt(place, MAX_ASKERS + this.#resting.size);
    const there = new Set(known);
    for (const asker of this.#resting) if (!there.has(asker)) this.#resting.delete(asker);
    const gone = new Set(known.filter((asker) => !this.#isThere(asker)));
    if (gone.size > 0) {
      await asks.forgetReplies([...gone]);
      for (const asker of gone) journal.replyDropped(askedBy(asker)?.pid ?? 0);
    }
    for (const asker of known) {
      if (this.#underWay.size >= MAX_UNDER_WAY) return; // the next one that ends asks again
      if (gone.has(asker) || this.#underWay.has(asker) || this.#resting.has(asker)) continue;
      if (this.#isHeldUp(asker)) continue;
      const sending = this.#send(asker)
        .catch((error) => {
          this.#resting.add(asker);
          journal.error(error);
        })
        .finally(() => {
          this.#underWay.delete(asker);
          journal.answering.ask();
        });
      this.#underWay.set(asker, sending);
    }
  }

  /** A process that is stopped takes nothing: one reply waits for it, and not a place for each that it asked for. */
  #isHeldUp(asker: string): boolean {
    const by = askedBy(asker);
    const info = by && this.#options.table.read(by.pid);
    const isSame = (other: string) => askedBy(other)?.pid === by?.pid;
    return info !== undefined && isStopped(info) && [...this.#underWay.keys()].some(isSame);
  }

  /** Whether it is the process that asked, and can be sent a frame. */
  #isThere(asker: string): boolean {
    const by = askedBy(asker);
    const vetted = by && vetTarget(by.pid, { start: by.start }, this.#options.table);
    return vetted?.ok === true && vetted.kind === 'echo';
  }

  async #send(asker: string): Promise<void> {
    const { asks, replies, journal } = this.#options;
    const reply = await asks.reply(asker);
    const by = askedBy(asker) as Peer & { readonly number: number };
    if (!reply) return;
    const came = await replies.sendBytes(by, by.number, reply.content, answerFrame);
    if (came === 'lost' && this.#isThere(asker)) {
      this.#resting.add(asker);
      return;
    }
    await asks.forgetReplies([asker]);
    if (came === 'taken') journal.replied();
    else journal.replyDropped(by.pid);
  }
}
