import { loadAddon, type Watcher } from '../signals/addon.ts';
import type { ConsumerState } from './consumer-state.ts';

/** Tells when consumers end. The kernel tells us: no polling; without the addon nobody does. */
export class Deaths {
  readonly #watchers = new Map<string, Watcher>();
  readonly #onDeath: () => void;

  constructor(onDeath: () => void) {
    this.#onDeath = onDeath;
  }

  /** Once is enough. */
  watch({ key, pid }: ConsumerState): void {
    const { addon } = loadAddon();
    if (!addon || this.#watchers.has(key)) return;
    const pidfd = addon.pidfd(pid);
    if (pidfd < 0) return;
    const onEnd = () => {
      this.forget(key);
      this.#onDeath();
    };
    this.#watchers.set(key, addon.watch(pidfd, onEnd, false));
  }

  forget(key: string): void {
    const watcher = this.#watchers.get(key);
    if (!watcher) return;
    this.#watchers.delete(key);
    loadAddon().addon?.unwatch(watcher);
  }

  forgetAll(): void {
    for (const key of [...this.#watchers.keys()]) this.forget(key);
  }
}
