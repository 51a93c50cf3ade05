import { loadAddon, type Watcher } from '../signals/addon.ts';
import type { ConsumerState } from './consumer-state.ts';

/** Reports when consumers end. The kernel tells us, so there is no polling. */
export class Deaths {
  readonly #watchers = new Map<string, Watcher>();
  readonly #onDeath: () => void;

  constructor(onDeath: () => void) {
    this.#onDeath = onDeath;
  }

  /** Needed only once per consumer. @returns false if nobody will tell: no addon, or no descriptor left */
  watch({ key, pid }: ConsumerState): boolean {
    if (this.#watchers.has(key)) return true;
    const { addon } = loadAddon();
    const pidfd = addon?.pidfd(pid) ?? -1;
    if (!addon || pidfd < 0) return false;
    const onEnd = () => {
      this.forget(key);
      this.#onDeath();
    };
    try {
      this.#watchers.set(key, addon.watch(pidfd, onEnd, false));
      return true;
    } catch {
      return false;
    }
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
