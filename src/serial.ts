/** Does one piece of work after the other, in the order in which they were added. */
export class Serial {
  #last: Promise<void> = Promise.resolve();

  /**
   * One that fails does not hold up those behind it.
   * @param signal ends the wait for the earlier ones; those behind go on waiting for them
   * @throws what `work` throws; the reason of `signal`
   */
  add<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.#last;
    const mine = after(before, work, signal);
    // Without its value, which would hold that of the one before, and so on.
    this.#last = Promise.allSettled([before, mine]).then(() => {});
    return mine;
  }

  /** Resolves when everything added so far has ended. */
  get ended(): Promise<void> {
    return this.#last;
  }
}

async function after<T>(
  before: Promise<void>,
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  await (signal ? abortable(before, signal) : before);
  return work();
}

async function abortable(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<void>((resolve) => {
    abort = resolve;
  });
  signal.addEventListener('abort', abort);
  await Promise.race([wait, aborted]);
  signal.removeEventListener('abort', abort);
  signal.throwIfAborted();
}
