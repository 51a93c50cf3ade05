import type { Pulse, Recording } from '../../../src/cli/scope/recording.ts';
import type { Bit } from '../../../src/codec/signal-codec.ts';

/** A recording of these bytes as an echo transfer: a bit each 8 µs, its echo 3 µs later. */
export function recordingOf(bytes: readonly number[], start = 0, pid = 7): Recording {
  const pulses: Pulse[] = bytes.flatMap((value, at) =>
    Array.from({ length: 8 }, (_, position): Pulse[] => {
      const signal = ((value >> position) & 1) as Bit;
      const time = start + (at * 8 + position) * 8;
      const byte = value & ((2 << position) - 1);
      return [
        { at: time, kind: 'bit', signal, pid, position, byte },
        { at: time + 3, kind: 'echo', signal, pid },
      ];
    }).flat(),
  );
  return { pulses, info: new Map([['by', 'send']]) };
}
