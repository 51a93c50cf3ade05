/** An item, and a look at the one after it. */
export interface Ahead<T> {
  readonly item: T;
  /** Undefined: there is none, or what makes them has failed, of which whoever goes on is told. */
  following(): T | undefined;
}

/** The same items in the same order; the next is asked for early only if somebody looks at it. */
export function* lookingAhead<T>(items: Iterable<T>): Generator<Ahead<T>> {
  const iterator = items[Symbol.iterator]();
  try {
    for (let now = iterator.next(); !now.done; ) {
      let next: IteratorResult<T> | undefined;
      let failure: { readonly error: unknown } | undefined;
      const following = () => {
        try {
          if (!failure) next ??= iterator.next();
        } catch (error) {
          failure = { error };
        }
        return next?.done ? undefined : next?.value;
      };
      yield { item: now.value, following };
      if (failure) throw (failure as { readonly error: unknown }).error;
      now = next ?? iterator.next();
    }
  } finally {
    iterator.return?.();
  }
}
