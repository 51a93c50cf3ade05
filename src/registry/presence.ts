import { clockMs } from '../clock.ts';
import { explained, SigmqError } from '../errors.ts';
import { guarded } from '../guarded.ts';
import { DirDescriptor, type ShareLock } from './dir-descriptor.ts';
import { openRuntimeDir, type RuntimeDirRequest } from './runtime-dir.ts';

/** Checking this often puts everything back within 2 s, and costs some 50 µs each time; ms. */
const PRESENCE_LOOK_MS = 1000;
/** Errors that pass: no room, no descriptor, a lock that others hold, junk in the file. Each check tries again. */
const PASSING_RESTORE_ERRORS: ReadonlySet<string> = new Set([
  'cannot-write',
  'lock-busy',
  'no-descriptors',
  'consumers-too-large',
]);
/**
 * If something is taken away again and again (a broker in another PID namespace considers all consumers dead), it
 * is put back at once this many times, and then more and more slowly; ms.
 */
const QUICK_RETURNS = 5;
const LONGEST_RETURN_PAUSE_MS = 60_000;

export interface PresenceOptions {
  readonly request: RuntimeDirRequest;
  readonly dir: string;
  readonly shareLock: ShareLock | undefined;
  /** Whether everything that this process has written into the directory is there. */
  isThere(): boolean;
  /** Writes it again. */
  putBack(): Promise<void>;
  /** Called with what was put back. */
  onRestored(sentence: string): void;
  /** Called with what cannot be put back at the moment. */
  onWarning(sentence: string): void;
  /** It cannot be put back: nothing reaches this process any more. Called once. */
  onLost(error: SigmqError): void;
}

/**
 * Keeps a process present in its runtime directory when others remove that, or files in it (logout, cleaners of
 * /tmp, people).
 */
export class Presence {
  readonly #options: PresenceOptions;
  #dir: DirDescriptor;
  #timer: NodeJS.Timeout | undefined;
  #returning: Promise<void> | undefined;
  #returns = 0;
  #restsUntil = 0;
  #said = '';

  /** @throws the error of open(2) */
  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#dir = new DirDescriptor(options.dir, options.shareLock);
    const look = guarded(() => this.#look(), this.#onError);
    this.#timer = setInterval(look, PRESENCE_LOOK_MS).unref();
  }

  /** Stops checking; resolves when the work under way is done. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#returning;
    this.#dir.close();
  }

  #look(): void {
    const now = clockMs();
    if (this.#returning || now < this.#restsUntil) return;
    const hasDir = this.#dir.isThere;
    if (hasDir && this.#options.isThere()) {
      if (now - this.#restsUntil > LONGEST_RETURN_PAUSE_MS) this.#returns = 0;
      return;
    }
    this.#returning = this.#return(hasDir)
      .catch(this.#onError)
      .finally(() => {
        this.#returning = undefined;
      });
  }

  async #return(hasDir: boolean): Promise<void> {
    const { dir, request, shareLock, putBack, onRestored } = this.#options;
    if (!hasDir) {
      // By its path: the environment may stand for another directory by now.
      const isNamed = request.dir !== undefined || Boolean(request.env.SIGMQ_DIR);
      openRuntimeDir({ ...request, ...(isNamed ? { dir } : {}), create: true });
      const opened = new DirDescriptor(dir, shareLock);
      this.#dir.close();
      this.#dir = opened;
    }
    await putBack();
    this.#said = '';
    const rest = 2 ** (++this.#returns - QUICK_RETURNS) * PRESENCE_LOOK_MS;
    this.#restsUntil =
      clockMs() + (rest < PRESENCE_LOOK_MS ? 0 : Math.min(rest, LONGEST_RETURN_PAUSE_MS));
    const what = hasDir ? `Files of this process in ${dir} were` : `${dir} was`;
    onRestored(`${what} removed by another program, and made again.`);
  }

  readonly #onError = (raw: unknown): void => {
    const error = explained(raw);
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof SigmqError && !PASSING_RESTORE_ERRORS.has(error.code)) {
      clearInterval(this.#timer);
      if (this.#timer) this.#options.onLost(error);
    } else if (text !== this.#said) {
      this.#said = text;
      const hint = error instanceof SigmqError ? `${error.hint} ` : '';
      this.#options.onWarning(`${text} ${hint}It is tried again.`);
    }
  };
}
