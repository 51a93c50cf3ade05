import { closeSync, openSync, writeFileSync } from 'node:fs';
import { report } from '../report.ts';
import { scopeErrors } from './errors.ts';
import { assertOther } from './other-file.ts';
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
}

/** Where the signals of this process are recorded. */
export class Recorder {
  readonly #info: Info;
  readonly #svg: string | undefined;
  readonly #vcd: VcdFile | undefined;
  readonly #pulses: Pulse[] = [];
  #beganAt: number | undefined;

  /** @throws SigmqError cannot-record, same-file */
  constructor({ vcd, svg }: RecordFlags, info: Info) {
    this.#info = info;
    this.#svg = svg;
    this.#vcd = vcd === undefined ? undefined : new VcdFile(vcd, info);
    if (svg === undefined) return;
    if (vcd !== undefined) assertOther(svg, vcd);
    writing(svg, () => writeFileSync(svg, ''));
  }

  /** @param at by `clockMs()` */
  add(at: number, pulse: Omit<Pulse, 'at'>): void {
    this.#beganAt ??= at;
    const timed = { ...pulse, at: (at - this.#beganAt) * 1000 };
    if (this.#svg !== undefined && this.#pulses.length < MAX_DRAWN) this.#pulses.push(timed);
    this.#vcd?.add(timed);
  }

  /** Draws the picture. What cannot be written is said, and nothing else: what was sent was sent. */
  close(): void {
    const svg = this.#svg;
    try {
      this.#vcd?.close();
      if (svg !== undefined) {
        const drawn = svgOf({ info: this.#info, pulses: this.#pulses });
        writing(svg, () => writeFileSync(svg, drawn));
      }
    } catch (error) {
      report(error);
    }
  }
}

/** A value change dump that grows. */
class VcdFile {
  readonly #path: string;
  readonly #writer = new VcdWriter();
  #fd: number | undefined;
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, info: Info) {
    this.#path = path;
    writing(path, () => {
      this.#fd = openSync(path, 'w');
      writeFileSync(this.#fd, this.#writer.head(info, new Date()));
    });
  }

  add(pulse: Pulse): void {
    this.#waiting.push(this.#writer.add(pulse));
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.push(this.#writer.rest());
    this.#flush();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** A disk that is full ends the recording, and nothing else. */
  #flush(): void {
    this.#timer = undefined;
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#waiting.push(this.#writer.rest());
    const text = this.#waiting.join('');
    this.#waiting = [];
    try {
      writing(this.#path, () => writeFileSync(fd, text));
    } catch (error) {
      this.#fd = undefined;
      closeSync(fd);
      report(error);
    }
  }
}

function writing(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw scopeErrors.cannotRecord(path, error);
  }
}
