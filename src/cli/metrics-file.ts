import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { clockMs } from '../clock.ts';
import { quietly } from '../quietly.ts';
import { fileSignature } from '../registry/file-signature.ts';
import type { Metrics } from '../status.ts';
import { cliErrors } from './errors.ts';
import { metricsText } from './metrics-text.ts';

/** How often the file is written; whoever collects it comes every 15 s or so; ms. */
const EVERY_MS = 5000;
/** With very many queues the numbers take a while: at most a part in so many of the broker's time. */
const SHARE = 100;

/** The `dir` of the numbers in a file; undefined: they are not of a broker. */
function writerOf(path: string): string | undefined {
  const text = quietly(() => readFileSync(path, 'utf8')) ?? '';
  return /^sigmq_\w+\{dir="((?:[^"\\]|\\.)*)"/m.exec(text)?.[1];
}

/** A file with the numbers of a broker, whole at any time: for the textfile collector of Prometheus' node_exporter. */
export class MetricsFile {
  readonly #path: string;
  readonly #part: string;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** Of what was written last. */
  #signature: string | undefined;
  #isShared = false;

  /** @throws SigmqError metrics-not-a-file, no-metrics-file: nothing can be written there */
  constructor(path: string) {
    this.#path = resolve(path);
    // Beside it, so that it can be renamed; a collector reads what ends in .prom.
    this.#part = `${this.#path}.${process.pid}.part`;
    // What is written to a device or a pipe is not there for others to read.
    const there = quietly(() => statSync(this.#path));
    if (there && !there.isFile()) throw cliErrors.metricsNotAFile(this.#path);
    try {
      closeSync(openSync(this.#part, 'w'));
      rmSync(this.#part);
    } catch (error) {
      throw cliErrors.noMetricsFile(this.#path, error as Error);
    }
  }

  /**
   * @param onError is called with the first of several errors in a row, the next try comes as if there was none; and
   * once if somebody else writes the file, too
   */
  start(metrics: () => Promise<Metrics>, onError: (error: unknown) => void): void {
    let isFailing = false;
    const run = async () => {
      const began = clockMs();
      try {
        const text = metricsText(await metrics(), 'prometheus');
        if (this.#isOfOther()) onError(cliErrors.metricsShared(this.#path, writerOf(this.#path)));
        this.#write(text);
        isFailing = false;
      } catch (error) {
        if (!isFailing) onError(error);
        isFailing = true;
      }
      if (this.#isStopped) return;
      this.#timer = setTimeout(run, Math.max(EVERY_MS, (clockMs() - began) * SHARE));
      this.#timer.unref();
    };
    void run();
  }

  /** Removes the file: numbers of a broker that is gone would be taken for those of one that is stuck. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    try {
      if (fileSignature(this.#path) === this.#signature) rmSync(this.#path, { force: true });
    } catch {
      // its folder can be written no more
    }
  }

  /** Another broker may have been given the same file. @returns true once */
  #isOfOther(): boolean {
    if (this.#isShared || this.#signature === undefined) return false;
    const now = fileSignature(this.#path);
    this.#isShared = now !== '' && now !== this.#signature;
    return this.#isShared;
  }

  #write(text: string): void {
    if (this.#isStopped) return;
    try {
      writeFileSync(this.#part, text);
      const signature = fileSignature(this.#part);
      renameSync(this.#part, this.#path);
      this.#signature = signature;
    } catch (error) {
      rmSync(this.#part, { force: true });
      throw cliErrors.noMetricsFile(this.#path, error as Error);
    }
  }
}
