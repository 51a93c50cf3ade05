import { Exit, SigmqError } from '../errors.ts';
import { groupOf, isGroupQueue, queueOfGroup } from '../options/groups.ts';
import { StoreAway, StoreFull } from '../queue/errors.ts';
import { QueueGroups } from '../queue/groups.ts';
import type { Store } from '../queue/store.ts';
import type { Journal } from './journal.ts';
import type { Roster } from './roster.ts';

export interface GroupsOptions {
  readonly store: Pick<Store, 'addGroups' | 'groups' | 'removeGroup'>;
  readonly roster: Pick<Roster, 'all' | 'isRegistered'>;
  readonly journal: Pick<Journal, 'say'>;
}

/** The groups of queues: those that the consumers name are there. */
export class Groups {
  readonly #options: GroupsOptions;
  /** Consumers that get nothing from a queue, by key and queue: each is reported once. */
  #ungrouped: ReadonlySet<string> = new Set();
  /** Why groups could not be made; each is reported once. */
  #full: ReadonlySet<string> = new Set();

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /**
   * A consumer joins its groups before it registers; but by now they may have been removed, or the store may be
   * another one. Reports consumers that get nothing from a queue because they name no group.
   */
  async ensure(): Promise<void> {
    const { store } = this.#options;
    const named = this.#registered.map(({ queues }) => queues.filter(isGroupQueue));
    try {
      await this.#make(named);
      this.#reportUngrouped(new QueueGroups(await store.groups()));
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error; // it is asked again when it is back
    }
  }

  /** One consumer that asks for too many does not keep the others from theirs. @param named by consumer */
  async #make(named: readonly (readonly string[])[]): Promise<void> {
    const { journal } = this.#options;
    const full = new Set<string>();
    if (await this.#whyFull(named.flat()))
      for (const names of named) full.add((await this.#whyFull(names)) ?? '');
    full.delete('');
    for (const message of full)
      if (!this.#full.has(message)) journal.say({ type: 'warning', message });
    this.#full = full;
  }

  /** Why these cannot all be made; undefined: they are there. */
  async #whyFull(names: readonly string[]): Promise<string | undefined> {
    try {
      if (names.length > 0) await this.#options.store.addGroups(names);
      return undefined;
    } catch (error) {
      if (!(error instanceof StoreFull)) throw error;
      return `${error.message} ${error.hint}`;
    }
  }

  async join(names: readonly string[]): Promise<void> {
    await this.#options.store.addGroups(names);
    await this.ensure();
  }

  /** @returns how many messages it had @throws SigmqError no-group, group-in-use */
  async remove(name: string): Promise<number> {
    const users = this.#registered.filter(({ queues }) => queues.includes(name));
    if (users.length > 0)
      throw groupErrors.inUse(
        name,
        users.map(({ pid }) => pid),
      );
    return this.#options.store.removeGroup(name);
  }

  get #registered() {
    const { roster } = this.#options;
    return roster.all.filter((consumer) => roster.isRegistered(consumer));
  }

  #reportUngrouped(groups: QueueGroups): void {
    const now = new Set<string>();
    for (const { key, pid, queues } of this.#registered) {
      for (const queue of queues) {
        if (groups.of(queue).length === 0) continue;
        const name = `${key} ${queue}`;
        now.add(name);
        if (!this.#ungrouped.has(name))
          this.#options.journal.say({ type: 'consumer-ungrouped', pid, queue });
      }
    }
    this.#ungrouped = now;
  }
}

/** PIDs that an error names. */
const MAX_NAMED = 10;

const groupErrors = {
  inUse: (name: string, pids: readonly number[]) =>
    new SigmqError(
      'group-in-use',
      Exit.TryAgain,
      `Group ${groupOf(name)} of queue ${queueOfGroup(name)} has consumers: ${pids.slice(0, MAX_NAMED).join(', ')}${pids.length > MAX_NAMED ? ' and more' : ''}.`,
      'Stop them first: a group is there as long as it has consumers.',
    ),
};
