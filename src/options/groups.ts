import { optionErrors } from './errors.ts';
import { type Kind, keptText } from './kind.ts';
import { isQueueName } from './queue-name.ts';

/**
 * A group of a queue is a queue itself, named `queue@group`: it has its own copy of each message. No other queue has
 * this character in its name.
 */
const AT = '@';

/** Groups of one queue: each message of it is stored as often. */
export const MAX_GROUPS = 100;

/** Where the copies for a group of a queue are. */
export function groupQueue(queue: string, group: string): string {
  return `${queue}${AT}${group}`;
}

/** The queue that a group belongs to; any other queue is its own. */
export function queueOfGroup(name: string): string {
  const at = name.indexOf(AT);
  return at < 0 ? name : name.slice(0, at);
}

/** The other part of a group's name. */
export function groupOf(name: string): string {
  return name.slice(queueOfGroup(name).length + 1);
}

/** Whether it is the name of a group with its queue. */
export function isGroupQueue(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const [queue, group, ...more] = value.split(AT);
  return isQueueName(queue) && isQueueName(group) && more.length === 0;
}

/** Whether it is the name of a queue, or of a group with its queue. */
export function isQueueOrGroup(value: unknown): value is string {
  return isQueueName(value) || isGroupQueue(value);
}

/** The name of a group, without its queue. */
export const groupName = keptText((value) => {
  if (!isQueueName(value)) throw optionErrors.badGroup(value);
});

/** A group with its queue. */
export const groupQueueName: Kind = {
  check(value) {
    if (!isGroupQueue(value)) throw optionErrors.badGroupQueue(value);
  },
};

/** For whoever looks at what is waiting: a queue, or a group with its queue. */
export const queueOrGroup = keptText((value) => {
  if (!isQueueOrGroup(value)) throw optionErrors.badQueueOrGroup(value);
});
