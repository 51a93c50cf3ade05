import { clockMs } from '../../clock.ts';
import { textOf } from '../../codec/utf8.ts';
import type { Heard, HeardMessage } from '../../link/hearing.ts';

/** One line a signal. */
export function jsonOf({ at, kind, bit, pid, program, peer, ...rest }: Heard) {
  const { position, weight, byte, isEnd, isForeign, lost } = rest;
  return {
    time: timeOf(at),
    signal: bit === 0 ? 'SIGUSR1' : 'SIGUSR2',
    what: kind === 'echo' && peer === 'plain' ? 'ack' : kind,
    pid,
    ...(program ? { program } : {}),
    peer,
    ...(position === undefined ? {} : { position, bit: weight ? 1 : 0, weight, byte }),
    ...(isEnd ? { end: true } : {}),
    ...(isForeign ? { foreign: true } : {}),
    ...(lost ? { lost } : {}),
  };
}

export function messageJson({ pid, program, peer, body }: HeardMessage) {
  const text = textOf(body);
  const said =
    text === undefined
      ? { message: Buffer.from(body).toString('base64'), base64: true }
      : { message: text };
  return {
    time: new Date().toISOString(),
    pid,
    ...(program ? { program } : {}),
    peer,
    bytes: body.length,
    ...said,
  };
}

/** The wall clock of the beginning, and from there on the clock that never jumps. */
let epochMs: number | undefined;

/** ISO 8601, with microseconds. @param at by `clockMs()` */
function timeOf(at: number): string {
  epochMs ??= Date.now() - clockMs();
  const ms = epochMs + at;
  const whole = Math.floor(ms);
  const micros = Math.floor((ms - whole) * 1000);
  return new Date(whole).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}
