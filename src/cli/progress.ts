/** A send that takes longer than this shows its progress; ms. */
const SHOW_AFTER_MS = 1000;

const BITS = 'sending {bar} {percentage}% | {value}/{total} bits | {eta_formatted} left';
const MESSAGES = 'sending | {value} messages confirmed | {duration_formatted}';

interface Bar {
  start(total: number, value: number): void;
  update(value: number): void;
  setTotal(total: number): void;
  stop(): void;
}

/** One line on stderr for a send that takes its time; nothing if stderr is not a terminal. */
export class Progress {
  readonly #startedAt = Date.now();
  #bar: Bar | undefined;
  #loading = false;
  #stopped = false;

  readonly bits = (sent: number, total: number): void => this.#show(BITS, sent, total);

  readonly messages = (confirmed: number): void => this.#show(MESSAGES, confirmed, 0);

  stop(): void {
    this.#stopped = true;
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #show(format: string, value: number, total: number): void {
    if (Date.now() - this.#startedAt < SHOW_AFTER_MS) return;
    // Checked late: process.stderr takes time to create.
    if (process.stderr.isTTY !== true || process.env.TERM === 'dumb') return;
    if (!this.#loading && !this.#stopped) {
      this.#loading = true;
      void this.#start(format, value, total);
    }
    this.#bar?.setTotal(total);
    this.#bar?.update(value);
  }

  async #start(format: string, value: number, total: number): Promise<void> {
    const { default: cliProgress } = await import('cli-progress');
    if (this.#stopped) return;
    this.#bar = new cliProgress.SingleBar(
      { format, clearOnComplete: true },
      cliProgress.Presets.shades_classic,
    );
    this.#bar.start(total, value);
  }
}
