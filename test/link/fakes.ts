import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { decodeFrame, encodeEnvelope } from '../../src/codec/envelope.ts';
import { Reason } from '../../src/codec/reason.ts';
import { type Bit, bitAt, SignalCodec } from '../../src/codec/signal-codec.ts';
import { FrameReceiver, JUDGE, SILENT, type Verdict } from '../../src/link/frame-receiver.ts';
import { AWAIT, type EchoMachine, FINISHED, type Next } from '../../src/link/frame-sender.ts';
import type { Run } from '../../src/link/run.ts';
import { type Addon, Exchange, type Watcher } from '../../src/signals/addon.ts';
import { Field, Memory } from '../../src/signals/memory.ts';
import { utf8 } from '../codec/vectors.ts';

/** The frame of a message, with its zero byte. */
export function frameOf(text: string, seq = 1): Uint8Array {
  const envelope = { seq, body: utf8(text), control: false, fields: {} };
  return SignalCodec.encode(encodeEnvelope(envelope));
}

/** The bits that a sender asks for, as text; or FINISHED, AWAIT. */
export function shown(next: Next): string {
  return isRun(next) ? bitsOf(next).join('') : next;
}

function bitsOf({ bytes, bits }: Run): Bit[] {
  return Array.from({ length: bits }, (_, index) => bitAt(bytes, index));
}

function isRun(next: Next): next is Run {
  return next !== FINISHED && next !== AWAIT;
}

/** Sends what a machine asks for as the addon does: each bit after the echo of the one before. */
export class Driver {
  readonly #machine: EchoMachine;
  readonly #send: (bit: Bit) => void;
  #left: Bit[] = [];

  constructor(machine: EchoMachine, send: (bit: Bit) => void) {
    this.#machine = machine;
    this.#send = send;
  }

  begin(): void {
    this.#take(this.#machine.first);
  }

  onEcho(echo: Bit): void {
    const next = this.#machine.onEcho(echo);
    if (next === AWAIT) this.#sendNext();
    else this.#take(next);
  }

  #take(next: Next): void {
    this.#left = isRun(next) ? bitsOf(next) : [];
    this.#sendNext();
  }

  #sendNext(): void {
    const bit = this.#left.shift();
    if (bit !== undefined) this.#send(bit);
  }
}

export type Judge = (frame: Uint8Array) => Verdict;

/** As a receiver of ours judges: by the checksum. */
export const byChecksum: Judge = (frame) =>
  decodeFrame(frame).kind === 'envelope' ? 0 : Reason.Damaged;

/** A process that receives frames, and remembers those that it accepted. */
export class Peer {
  readonly receiver: FrameReceiver;
  readonly accepted: Uint8Array[] = [];
  readonly #judge: Judge;

  constructor(judge: Judge = byChecksum, maxFrameBytes = 1000) {
    this.receiver = new FrameReceiver(maxFrameBytes);
    this.#judge = judge;
  }

  /** Its echo; undefined: none. */
  take(bit: Bit): Bit | undefined {
    const reply = this.receiver.onBit(bit);
    if (reply === SILENT) return undefined;
    if (reply !== JUDGE) return reply;
    const frame = this.receiver.frame as Uint8Array;
    const verdict = this.#judge(frame);
    if (verdict === 0) this.accepted.push(frame);
    return this.receiver.answer(verdict);
  }
}

const { hrtime } = process;

/** The clock of src/clock.ts and the global timers, which move when they are told to. */
export class FakeClock {
  ms = 1000;
  /** How far the clock moves with each look at it. */
  perLook = 0;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.now() });
    // Not by t.mock, which keeps a stack of each call: clocks are looked at all the time.
    const fake = (): [number, number] => {
      this.ms += this.perLook;
      return [Math.floor(this.ms / 1000), (this.ms % 1000) * 1e6];
    };
    process.hrtime = Object.assign(fake, { bigint: hrtime.bigint });
    t.after(() => {
      process.hrtime = hrtime;
    });
  }

  /** From now on `setTimeout` of node:timers/promises is of this clock, also where it was imported by name. */
  stopSleeps(): void {
    syncBuiltinESMExports();
    this.#t.after(() => {
      this.#t.mock.timers.reset();
      syncBuiltinESMExports();
    });
  }

  /** In steps of 10 ms, each followed by what became possible. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      this.ms += 10;
      this.#t.mock.timers.tick(10);
      await turn();
    }
  }
}

/** What the kernel does with signals, and processes that answer them. */
export class FakeAddon implements Addon {
  /** What a process answers to a bit; a missing one cannot be reached. */
  readonly peers = new Map<number, (bit: Bit) => Bit | undefined>();
  /** What exchange() returns next. */
  readonly events: number[] = [];
  gap = false;
  /** It packs nothing. */
  readonly modelBytes = 0;
  beginCoding = () => -1;
  feedCoding = () => {};
  endCoding = () => -1;
  dropCoding = () => {};
  pipe = () => undefined;
  readonly memory = new ArrayBuffer(Memory.bytes);
  readonly #memory = new Memory(this.memory);

  constructor() {
    this.#memory.fields[Field.Answer] = -1;
  }

  /** As exchange.c does it: exchange.test.ts holds the two against each other. */
  exchange(us: number): number {
    const routine = { failed: this.#answer() || this.#run() };
    while (routine.failed === Exchange.None && us >= 0) {
      const event = this.events.shift() ?? Exchange.None;
      if (event <= 0 || !this.#isRoutine(event >> 1, (event & 1) as Bit, routine)) return event;
    }
    return routine.failed;
  }

  #isRoutine(pid: number, bit: Bit, routine: { failed: number }): boolean {
    const { fields, run } = this.#memory;
    if (this.#field(Field.RunBits) === 0 || pid !== fields[Field.RunPid]) {
      return pid === fields[Field.EchoPid] && this.#echo(bit);
    }
    const echoed = this.#field(Field.RunEchoed);
    if (echoed === this.#field(Field.RunBits) - 1 || bit !== bitAt(run, echoed)) {
      fields[Field.RunBits] = 0;
      return false;
    }
    fields[Field.RunEchoed] = echoed + 1;
    routine.failed = this.#run();
    return true;
  }

  #echo(bit: Bit): boolean {
    const { fields, echo } = this.#memory;
    const bits = this.#field(Field.EchoBits);
    const byte = this.#field(Field.EchoByte) | (bit << bits);
    const room = this.#field(Field.EchoRoom);
    if (room === 0 || (bits === 7 && byte === 0)) return false;
    if (this.#sendEcho(Field.EchoPid, Field.EchoFd, bit) !== Exchange.None) return false;
    fields[Field.EchoByte] = bits === 7 ? 0 : byte;
    fields[Field.EchoBits] = (bits + 1) % 8;
    if (bits === 7) {
      const bytes = this.#field(Field.EchoBytes);
      echo[bytes] = byte;
      fields[Field.EchoBytes] = bytes + 1;
      fields[Field.EchoRoom] = room - 1;
    }
    return true;
  }

  #answer(): number {
    const bit = this.#field(Field.Answer);
    if (bit < 0) return Exchange.None;
    const failed = this.#sendEcho(Field.AnswerPid, Field.AnswerFd, bit as Bit);
    if (failed === Exchange.None) this.#memory.fields[Field.Answer] = -1;
    return failed;
  }

  #run(): number {
    const { fields, run } = this.#memory;
    const bits = this.#field(Field.RunBits);
    let sent = this.#field(Field.RunSent);
    if (sent > this.#field(Field.RunEchoed) || sent >= bits) return Exchange.None;
    if (this.gap) return Exchange.Gap;
    let bit: Bit;
    do {
      bit = bitAt(run, sent);
      const failed = this.#send(Field.RunPid, Field.RunFd, bit);
      if (failed !== Exchange.None) return failed;
      fields[Field.RunSent] = ++sent;
    } while (bit === 0 && sent % 8 !== 0 && sent < bits && bitAt(run, sent) === 1);
    return Exchange.None;
  }

  #sendEcho(pid: number, fd: number, bit: Bit): number {
    return this.gap && this.#field(fd) < 0 ? Exchange.Gap : this.#send(pid, fd, bit);
  }

  #send(pidField: number, fd: number, bit: Bit): number {
    const pid = this.#field(pidField);
    const peer = this.#field(fd) < -1 ? undefined : this.peers.get(pid);
    if (!peer) return Exchange.Unreachable;
    const echo = peer(bit);
    if (echo !== undefined) this.events.push(pid * 2 + echo);
    return Exchange.None;
  }

  #field(field: number): number {
    return this.#memory.fields[field] as number;
  }

  clearGap(): void {
    this.gap = false;
  }

  pidfd(): number {
    return -1;
  }

  block: () => number = () => 0;
  nudgeThreads: () => number = () => 0;
  signal = () => 0;
  writable = () => 1;
  openFiles = () => 0;
  seekBack = () => 0;
  lock = () => 0;
  shareLock = () => 0;
  monotonic = () => 0;
  watchFile = () => -1;
  awaitChange = () => 0;
  exit(): never {
    throw new Error('a test should not end');
  }
  watch = () => ({}) as Watcher;
  arm(): void {}
  unwatch(): void {}
}
