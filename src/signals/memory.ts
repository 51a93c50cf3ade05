/** Bytes of a run, and of what is echoed, at a time. */
export const BLOCK_BYTES = 64;

/** The layout is that of `memory` in native/exchange.c (FIELDS): these integers of 32 bits, then two blocks. */
export const Field = {
  /** One bit that is sent first, and only once; -1: none. */
  AnswerPid: 0,
  AnswerFd: 1,
  Answer: 2,
  /** Bits to send, each after the echo of the one before; 0: none. */
  RunPid: 3,
  RunFd: 4,
  RunBits: 5,
  /** Of the run: what has been sent, and the echoes that came as expected, except for the last. */
  RunSent: 6,
  RunEchoed: 7,
  /** How many bytes of this peer are echoed at once, bit by bit. None of them is zero. */
  EchoPid: 8,
  EchoFd: 9,
  EchoRoom: 10,
  /** Those that were. */
  EchoBytes: 11,
  /** The byte under way, and how many bits of it there are: 0 to 7. */
  EchoByte: 12,
  EchoBits: 13,
  /** Signals that came without their sender, and count for nothing. */
  Nameless: 14,
} as const;

const INTEGERS = Object.keys(Field).length;

/** What JavaScript shares with the addon's `exchange`. */
export class Memory {
  readonly fields: Int32Array;
  readonly run: Uint8Array;
  readonly echo: Uint8Array;

  constructor(buffer: ArrayBuffer) {
    this.fields = new Int32Array(buffer, 0, INTEGERS);
    this.run = new Uint8Array(buffer, INTEGERS * 4, BLOCK_BYTES);
    this.echo = new Uint8Array(buffer, INTEGERS * 4 + BLOCK_BYTES, BLOCK_BYTES);
  }

  static get bytes(): number {
    return INTEGERS * 4 + 2 * BLOCK_BYTES;
  }

  /** Whether the addon has the same parts in this order; its names have an underscore before each word but the first. */
  static isLaidOutAs(layout: string): boolean {
    const names = [...Object.keys(Field), 'run', 'echo'].join(' ').toLowerCase();
    return layout.replaceAll('_', '') === names;
  }
}
