import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { guarded } from '../guarded.ts';
import { fileSignature } from '../registry/file-signature.ts';
import type { Journal } from './journal.ts';

/** Without inotify the file is checked this often; a consumer that starts waits no longer than that; ms. */
const FILE_LOOK_MS = 250;

export interface FileWatchOptions {
  readonly dir: string;
  readonly name: string;
  readonly journal: Journal;
  onChange(): void;
}

/** Notices when a file of a directory changes: by inotify(7), or by polling where no watch is left. */
export class FileWatch {
  readonly #options: FileWatchOptions;
  #watcher: FSWatcher | undefined;
  #looking: NodeJS.Timeout | undefined;
  #seen = '';

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#start();
  }

  /** The directory is now another one of the same name. */
  restart(): void {
    this.close();
    this.#start();
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    clearInterval(this.#looking);
  }

  #start(): void {
    const { dir, name, journal, onChange } = this.#options;
    try {
      const onEvent = (_event: unknown, changed: string | null) => {
        if (changed === null || changed === name) onChange();
      };
      this.#watcher = watch(dir, guarded(onEvent, journal.error));
      this.#watcher.on('error', (error) => this.#lookInstead(error));
    } catch (error) {
      this.#lookInstead(error);
    }
  }

  #lookInstead(why: unknown): void {
    const { dir, name, journal } = this.#options;
    this.close();
    const code = (why as NodeJS.ErrnoException).code ?? String(why);
    const path = join(dir, name);
    journal.say({ type: 'inotify-used-up', path, code, everyMs: FILE_LOOK_MS });
    this.#seen = this.#look();
    this.#looking = setInterval(
      guarded(() => this.#compare(), journal.error),
      FILE_LOOK_MS,
    ).unref();
  }

  #compare(): void {
    const now = this.#look();
    if (now === this.#seen) return;
    this.#seen = now;
    this.#options.onChange();
  }

  #look(): string {
    return fileSignature(join(this.#options.dir, this.#options.name));
  }
}
