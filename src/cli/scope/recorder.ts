import { report } from '../report.ts';
import { assertOther } from './other-file.ts';
import { OutputFile } from './output-file.ts';
import type { Info, Pulse } from './recording.ts';
import { svgOf } from './svg.ts';
import { VcdWriter } from './vcd.ts';

/** So old is at most what a program that follows the recording sees; ms. */
const FLUSH_MS = 100;
/** Far more than the largest picture shows. */
const MAX_DRAWN = 50_000;

export interface RecordFlags {
  readonly vcd?: string;
  readonly svg?: string;
  /** Overwrite existing files. */
  readonly force?: boolean;
}

/** Where the signals of this process are recorded. */
export class Recorder {
  readonly #info: Info;
  readonly #svg: OutputFile | undefined;
  readonly #vcd: VcdFile | undefined;
  readonly #pulses: Pulse[] = [];
  #beganAt: number | undefined;

  /** @throws SigmqError recording-exists, cannot-record, same-file */
  constructor({ vcd, svg, force = false }: RecordFlags, info: Info) {
    this.#info = info;
    this.#vcd = vcd === undefined ? undefined : new VcdFile(vcd, force, info);
    try {
      if (vcd !== undefined && svg !== undefined) assertOther(svg, vcd);
      this.#svg = svg === undefined ? undefined : new OutputFile(svg, force);
    } catch (error) {
      this.#vcd?.discard();
      throw error;
    }
  }

  /** @param at by `clockMs()` */
  add(at: number, pulse: Omit<Pulse, 'at'>): void {
    this.#beganAt ??= at;
    const timed = { ...pulse, at: (at - this.#beganAt) * 1000 };
    if (this.#svg && this.#pulses.length < MAX_DRAWN) this.#pulses.push(timed);
    this.#vcd?.add(timed);
  }

  /**
   * Draws the picture. What cannot be written is said, and nothing else: what was sent was sent. If there was no signal,
   * no file stays, which would be in the way of the next try.
   */
  close(): void {
    if (this.#beganAt === undefined) {
      this.#vcd?.discard();
      this.#svg?.discard();
      return;
    }
    try {
      this.#vcd?.close();
      this.#svg?.write(svgOf({ info: this.#info, pulses: this.#pulses }));
    } catch (error) {
      report(error);
    } finally {
      this.#svg?.close();
    }
  }
}

/** A value change dump that grows. */
class VcdFile {
  readonly #file: OutputFile;
  readonly #writer = new VcdWriter();
  #isBroken = false;
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, replaces: boolean, info: Info) {
    this.#file = new OutputFile(path, replaces);
    try {
      this.#file.write(this.#writer.head(info, new Date()));
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  add(pulse: Pulse): void {
    if (this.#isBroken) return;
    this.#waiting.push(this.#writer.add(pulse));
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#flush();
    this.#file.close();
  }

  discard(): void {
    this.#file.discard();
  }

  /** A disk that is full, or a reader that is gone, ends the recording, and nothing else. */
  #flush(): void {
    this.#timer = undefined;
    if (this.#isBroken) return;
    this.#waiting.push(this.#writer.rest());
    const text = this.#waiting.join('');
    this.#waiting = [];
    try {
      this.#file.write(text);
    } catch (error) {
      this.#isBroken = true;
      this.#file.close();
      report(error);
    }
  }
}
