import type { NewMessage, Published } from './message.ts';

/** For each message of a batch, the index of the first one with its queue and key; its own if it is the first. */
export function firstOfEach(batch: readonly NewMessage[]): number[] {
  const firsts = new Map<string, number>();
  return batch.map(({ queue, key }, n) => {
    if (key === undefined) return n;
    const name = `${queue}\0${key}`;
    const first = firsts.get(name) ?? n;
    firsts.set(name, first);
    return first;
  });
}

/** What became of a whole batch. @param known of those that are the first of their key, in their order */
export function allOf(firsts: readonly number[], known: readonly Published[]): Published[] {
  const own = new Map(
    firsts.filter((first, n) => first === n).map((first, at) => [first, known[at]]),
  );
  return firsts.map((first, n) => {
    const { id = null, isDuplicate = true } = own.get(first) ?? {};
    return first === n ? { id, isDuplicate } : { id, isDuplicate: true };
  });
}
