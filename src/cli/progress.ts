/** A send that takes longer than this shows its progress; ms. */
const SHOW_AFTER_MS = 1000;

/** A bar on stderr for a send that takes its time; nothing when stderr is no terminal. */
export class Progress {
  readonly #startedAt = Date.now();
  #bar: { update(value: number): void; setTotal(total: number): void; stop(): void } | undefined;
  #loading = false;

  readonly update = (sentBits: number, totalBits: number): void => {
    if (Date.now() - this.#startedAt < SHOW_AFTER_MS) return;
    // Asked late: process.stderr takes 2 ms to make.
    if (process.stderr.isTTY !== true || process.env.TERM === 'dumb') return;
    if (!this.#loading) {
      this.#loading = true;
      void this.#show(totalBits);
    }
    this.#bar?.setTotal(totalBits);
    this.#bar?.update(sentBits);
  };

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  async #show(totalBits: number): Promise<void> {
    const { default: cliProgress } = await import('cli-progress');
    const bar = new cliProgress.SingleBar(
      {
        format: 'sending {bar} {percentage}% | {value}/{total} bits | {eta_formatted} left',
        clearOnComplete: true,
        hideCursor: true,
      },
      cliProgress.Presets.shades_classic,
    );
    bar.start(totalBits, 0);
    this.#bar = bar;
  }
}
