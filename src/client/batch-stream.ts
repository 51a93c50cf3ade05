import { Gathering, type GatheringOptions } from './gathering.ts';
import type { Message } from './message.ts';

type Result = IteratorResult<Message[], undefined>;

const DONE: Result = { done: true, value: undefined };

/**
 * The messages of a loop, several at a time.
 * @param messages its `return` closes the consumer
 */
export function batchesOf(
  messages: AsyncIterableIterator<Message, undefined>,
  options: GatheringOptions,
): AsyncIterableIterator<Message[], undefined> {
  const gathering = new Gathering<Message>(options);
  /** The body of the loop is working on them. */
  let current: Message[] = [];
  let isOver = false;
  const giveBack = () => {
    isOver = true;
    for (const message of gathering.end()) void message.release({ now: true });
  };
  const gather = async () => {
    for (;;) {
      const { value } = await messages.next();
      if (!value) return giveBack();
      if (isOver) void value.release({ now: true });
      else gathering.add(value);
    }
  };
  void gather();

  const next = async (): Promise<Result> => {
    current = [];
    const batch = await gathering.next();
    if (!batch) return DONE;
    current = batch;
    return { done: false, value: batch };
  };
  const leave = async (): Promise<Result> => {
    // Left by `break`, `return` or an exception: what was not settled has not been done.
    await Promise.all(
      current.map((message) => message.fail('The loop over the messages was left.')),
    );
    giveBack();
    await messages.return?.();
    return DONE;
  };
  const iterator = { next, return: leave, [Symbol.asyncIterator]: () => iterator };
  return iterator;
}
