import type { SigmqError } from '../errors.ts';
import { registerConsumer, unregisterConsumer } from '../registry/consumers-edit.ts';
import { consumersPath, isRegistered } from '../registry/consumers-file.ts';
import { fileSignature } from '../registry/file-signature.ts';
import { Presence } from '../registry/presence.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { loadAddon } from '../signals/addon.ts';

export interface RegistrationOptions {
  readonly dir: string;
  /** The path as the user gave it, if so: it is made again there if it was removed. */
  readonly asked: string | undefined;
  readonly table: ProcessTable;
  /** What follows the PID in consumers.txt (docs/protocol.md, section 1.1). */
  readonly attrs: Readonly<Record<string, string>>;
  onError(error: unknown): void;
  /** The directory is gone and cannot be made again. */
  onLost(error: SigmqError): void;
}

/** The line of this process in consumers.txt. */
export class Registration {
  readonly #options: RegistrationOptions;
  readonly #start: number;
  #presence: Presence | undefined;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#start = options.table.read(process.pid)?.start ?? 0;
  }

  /** Writes the line, and makes sure that it stays. @throws SigmqError */
  async begin(): Promise<void> {
    await this.#write();
    const { dir, asked, onError, onLost } = this.#options;
    const onWarning = (sentence: string) => onError(new Error(sentence));
    let seen = '';
    this.#presence = new Presence({
      request: { dir: asked, env: process.env },
      dir,
      shareLock: loadAddon().addon?.shareLock,
      isThere: () => {
        const now = fileSignature(consumersPath(dir));
        if (now === seen) return now !== '';
        if (!isRegistered(dir, process.pid, this.#start)) return false;
        seen = now;
        return true;
      },
      putBack: () => this.#write(),
      onRestored: onWarning,
      onWarning,
      onLost,
    });
  }

  async end(): Promise<void> {
    const { dir, table, onError } = this.#options;
    await this.#presence?.stop();
    await unregisterConsumer(dir, process.pid, this.#start, table).catch(onError);
  }

  #write(): Promise<void> {
    const { dir, attrs, table } = this.#options;
    const start = this.#start > 0 ? { start: String(this.#start) } : {};
    return registerConsumer(dir, process.pid, { ...start, ...attrs }, table);
  }
}
