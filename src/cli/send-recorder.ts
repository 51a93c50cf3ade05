import { codingOf } from '../codec/plain-coding.ts';
import { Endpoint } from '../link/endpoint.ts';
import { TappedWire } from '../link/tapped-wire.ts';
import type { DirectFlags } from './direct-session.ts';
import { Recorder, type RecordFlags } from './scope/recorder.ts';
import { SentPulses } from './scope/sent-pulses.ts';

/** What `sigmq send` records, from when its endpoint is opened. */
export interface SendRecorder {
  /** From now on all signals of this process are answers, whatever they are. */
  onPlainPeer(pid: number): void;
  close(): void;
}

/** @returns undefined if nothing is to be recorded @throws SigmqError cannot-record */
export function recordSent(flags: RecordFlags & DirectFlags): SendRecorder | undefined {
  if (flags.vcd === undefined && flags.svg === undefined) return undefined;
  const { order, one } = codingOf(flags);
  const info = { by: 'send', pid: String(process.pid), order, one };
  const recorder = new Recorder(flags, new Map(Object.entries(info)));
  const pulses = new SentPulses({ order, one });
  Endpoint.tapWith(
    (signal) => recorder.add(signal.at, pulses.pulseOf(signal)),
    (addon, tap) => new TappedWire(addon, tap),
  );
  return {
    onPlainPeer: (pid) => {
      pulses.plainPid = pid;
    },
    close: () => recorder.close(),
  };
}
