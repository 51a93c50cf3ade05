import { Wire } from '../../src/link/wire.ts';
import { type Addon, Exchange, type Watcher } from '../../src/signals/addon.ts';
import { Descriptor } from '../../src/signals/descriptor.ts';
import { Field, Memory } from '../../src/signals/memory.ts';

type Fields = Partial<Record<keyof typeof Field, number>>;

/** A bit of a stranger. */
export const SIGNAL = 77 * 2 + 1;

/** A wire to a kernel that gives these results and leaves these fields, and what happened. */
export function wireTo(results: readonly (number | [number, Fields, Uint8Array?])[] = []) {
  const left = [...results];
  const log: unknown[] = [];
  const memory = new ArrayBuffer(Memory.bytes);
  const { fields, run, echo } = new Memory(memory);
  fields[Field.Answer] = -1;
  const addon: Pick<Addon, 'memory' | 'exchange' | 'clearGap' | 'watch' | 'arm' | 'unwatch'> = {
    memory,
    exchange(us: number, pidfd: number) {
      const due: unknown[] = [];
      const answer = fields[Field.Answer] as number;
      if (answer >= 0)
        due.push(['answer', fields[Field.AnswerPid], fields[Field.AnswerFd], answer]);
      const bits = fields[Field.RunBits] as number;
      if (bits > 0 && fields[Field.RunSent] === 0) {
        due.push(['run', fields[Field.RunPid], bits, [...run.subarray(0, Math.ceil(bits / 8))]]);
      }
      log.push([us, pidfd, ...due]);
      const next = left.shift() ?? Exchange.None;
      const [result, changed, echoed] = typeof next === 'number' ? [next, {}] : next;
      // What was due has gone out, unless it says else.
      if (result > Exchange.Gap) {
        fields[Field.Answer] = -1;
        if (bits > 0) fields[Field.RunSent] = 1;
      }
      for (const [name, value] of Object.entries(changed))
        fields[Field[name as keyof Fields]] = value;
      if (echoed) echo.set(echoed);
      return result;
    },
    clearGap: () => void log.push('clearGap'),
    watch: () => ({}) as Watcher,
    arm: () => {},
    unwatch: () => {},
  };
  return { wire: new Wire(addon), addon, log, fields };
}

/** A peer whose descriptor is ten times its PID. */
export const peer = (pid: number) =>
  new Descriptor({ pidfd: () => pid * 10, signal: () => 0 }, pid);
