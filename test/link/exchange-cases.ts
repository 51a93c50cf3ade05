import type { Bit } from '../../src/codec/signal-codec.ts';
import { Exchange } from '../../src/signals/addon.ts';
import type { Field } from '../../src/signals/memory.ts';

type Fields = Partial<Record<keyof typeof Field, number>>;

/** Who is meant by a PID or a descriptor, of a case or of a signal (`who * 2 + bit`). */
export const Who = {
  /** A process that answers each bit with that bit. */
  Echoer: 1001,
  /** A process that we send nothing to. */
  Stranger: 1002,
  /** No process. */
  Gone: 1003,
} as const;
/** A descriptor of the echoer; -1 is none, -2 one that was closed. */
export const FD = 1010;

export interface ExchangeCase {
  readonly name: string;
  /** Before the call. Fields that are not named are 0, and Answer is -1. */
  readonly fields: Fields;
  /** Ones unless said otherwise. */
  readonly run?: readonly number[];
  /** A signal that is pending. */
  readonly pending?: readonly [who: number, bit: Bit];
  /** Before the call this process has stood still. */
  readonly isAfterPause?: boolean;
  /** How long to wait, in µs: 1000 unless said otherwise; -1: only send. */
  readonly us?: number;
  /** Exchange.None unless said otherwise. */
  readonly result?: number;
  /** The fields that have changed, and no others. */
  readonly changed?: Fields;
  readonly echoed?: readonly number[];
  /** The signals of the echoer that are left, and come with the next calls. */
  readonly left?: readonly Bit[];
}

function answer(bit: Bit, fd = -1, pid: number = Who.Echoer): Fields {
  return { AnswerPid: pid, AnswerFd: fd, Answer: bit };
}
function runOf(bits: number, fd = -1, pid: number = Who.Echoer): Fields {
  return { RunPid: pid, RunFd: fd, RunBits: bits };
}
function echo(room: number, byte = 0, bits = 0): Fields {
  return { EchoPid: Who.Echoer, EchoFd: FD, EchoRoom: room, EchoByte: byte, EchoBits: bits };
}
const ECHO = Who.Echoer * 2;
const NO_ANSWER = { Answer: -1 };

/** What the C function `exchange` does with its memory (src/signals/native/exchange.c). */
export const exchangeCases: readonly ExchangeCase[] = [
  { name: 'nothing to do, and nothing there', fields: {} },
  {
    name: 'a signal is pending',
    fields: {},
    pending: [Who.Stranger, 1],
    result: Who.Stranger * 2 + 1,
  },
  {
    name: 'only to send: what is pending stays so',
    fields: {},
    pending: [Who.Echoer, 1],
    us: -1,
    left: [1],
  },
  {
    name: 'an answer by PID, sent only',
    fields: answer(1),
    us: -1,
    changed: NO_ANSWER,
    left: [1],
  },
  {
    name: 'an answer by descriptor, and the next signal',
    fields: answer(0, FD),
    result: ECHO,
    changed: NO_ANSWER,
  },
  {
    name: 'an answer to nobody stays',
    fields: answer(1, -1, Who.Gone),
    result: Exchange.Unreachable,
  },
  { name: 'an answer by a closed descriptor', fields: answer(1, -2), result: Exchange.Unreachable },
  {
    name: 'an answer that cannot go out holds up the run',
    fields: { ...answer(1, -2), ...runOf(8) },
    run: [0x68],
    result: Exchange.Unreachable,
  },
  {
    name: 'an answer, then the run',
    fields: { ...answer(0), ...runOf(8) },
    us: -1,
    changed: { Answer: -1, RunSent: 1 },
    left: [0, 1],
  },
  {
    name: 'an answer by PID after a pause',
    fields: answer(1),
    isAfterPause: true,
    result: Exchange.Gap,
  },
  {
    name: 'an answer by descriptor after a pause',
    fields: answer(1, FD),
    isAfterPause: true,
    result: ECHO + 1,
    changed: NO_ANSWER,
  },
  {
    name: 'a run of three bytes to its end',
    fields: runOf(24),
    run: [0x68, 0b10, 0],
    result: ECHO,
    changed: { RunBits: 0, RunSent: 24, RunEchoed: 23 },
  },
  {
    name: 'a run of one bit',
    fields: runOf(1, FD),
    run: [0],
    result: ECHO,
    changed: { RunBits: 0, RunSent: 1 },
  },
  {
    name: 'a 0 and the 1 after it go together',
    fields: runOf(8),
    run: [0b0110_0010],
    us: -1,
    changed: { RunSent: 2 },
    left: [0, 1],
  },
  {
    name: 'but not two zeros',
    fields: runOf(8),
    run: [0b0100],
    us: -1,
    changed: { RunSent: 1 },
    left: [0],
  },
  {
    name: 'nor over the end of a byte',
    fields: { ...runOf(16), RunSent: 7, RunEchoed: 7 },
    run: [0b0111_1111, 1],
    us: -1,
    changed: { RunSent: 8 },
    left: [0],
  },
  {
    name: 'nor over the end of the run',
    fields: runOf(1),
    run: [0b10],
    us: -1,
    changed: { RunSent: 1 },
    left: [0],
  },
  {
    name: 'a run whose last bit has no echo yet waits',
    fields: { ...runOf(8), RunSent: 3, RunEchoed: 2 },
  },
  {
    name: 'a run that is at its end sends nothing',
    fields: { ...runOf(8), RunSent: 8, RunEchoed: 8 },
  },
  {
    name: 'an echo that is another bit ends the run',
    fields: { ...runOf(8), RunSent: 1 },
    run: [0b1111],
    pending: [Who.Echoer, 0],
    result: ECHO,
    changed: { RunBits: 0 },
  },
  {
    name: 'an echo in the middle, and the rest of the run',
    fields: { ...runOf(8), RunSent: 5, RunEchoed: 4 },
    pending: [Who.Echoer, 1],
    result: ECHO + 1,
    changed: { RunBits: 0, RunSent: 8, RunEchoed: 7 },
  },
  {
    name: 'a stranger in the middle of a run',
    fields: { ...runOf(8), RunSent: 5, RunEchoed: 4 },
    pending: [Who.Stranger, 1],
    result: Who.Stranger * 2 + 1,
  },
  { name: 'a run to nobody', fields: runOf(8, -1, Who.Gone), result: Exchange.Unreachable },
  { name: 'a run by a closed descriptor', fields: runOf(8, -2), result: Exchange.Unreachable },
  {
    name: 'a run by PID after a pause',
    fields: runOf(8),
    isAfterPause: true,
    result: Exchange.Gap,
  },
  {
    name: 'a run by descriptor after a pause',
    fields: runOf(8, FD),
    isAfterPause: true,
    result: Exchange.Gap,
  },
  {
    name: 'an answer after a pause goes before the run, which does not go',
    fields: { ...answer(1, FD), ...runOf(8, FD) },
    isAfterPause: true,
    result: Exchange.Gap,
    changed: NO_ANSWER,
    left: [1],
  },
  {
    name: 'bytes that are echoed, as many as there is room for',
    fields: echo(2, 0b101, 3),
    pending: [Who.Echoer, 1],
    result: ECHO + 1,
    changed: { EchoRoom: 0, EchoBytes: 2, EchoByte: 0, EchoBits: 0 },
    echoed: [0b1111_1101, 0xff],
  },
  {
    name: 'all but the last bit of a zero byte is echoed',
    fields: echo(2),
    pending: [Who.Echoer, 0],
    result: ECHO,
    changed: { EchoBits: 7 },
  },
  { name: 'no room, no echo', fields: echo(0), pending: [Who.Echoer, 1], result: ECHO + 1 },
  {
    name: 'no echo to a stranger',
    fields: echo(2),
    pending: [Who.Stranger, 1],
    result: Who.Stranger * 2 + 1,
  },
  {
    name: 'no echo by a closed descriptor: its bit is passed on',
    fields: { ...echo(2), EchoFd: -2 },
    pending: [Who.Echoer, 1],
    result: ECHO + 1,
  },
  {
    name: 'a bit of whom a run goes to is its echo, and gets none',
    fields: { ...runOf(8), RunSent: 8, RunEchoed: 7, ...echo(2) },
    pending: [Who.Echoer, 1],
    result: ECHO + 1,
    changed: { RunBits: 0 },
  },
];
