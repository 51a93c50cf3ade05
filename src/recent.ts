/** Remembers so many values, by key: when there is one too many, the one that was used longest ago is forgotten. */
export class Recent<K, V> {
  readonly #max: number;
  /** The one used last is the last. */
  readonly #values = new Map<K, V>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts as a use. */
  get(key: K): V | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.#touch(key, value);
    return value;
  }

  /** In place of the value that the key has, if it has one. */
  set(key: K, value: V): void {
    this.#touch(key, value);
    if (this.#values.size <= this.#max) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }

  delete(key: K): void {
    this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
  }

  #touch(key: K, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
  }
}
