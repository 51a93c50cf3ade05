import type { Inbound } from '../../src/link/inbound.ts';
import { type LastHolder, OutOfStep } from '../../src/link/out-of-step.ts';
import { Outbound } from '../../src/link/outbound.ts';
import { Pump } from '../../src/link/pump.ts';
import type { Receiver } from '../../src/link/receiver.ts';
import { Transmitter } from '../../src/link/transmitter.ts';
import { Wire } from '../../src/link/wire.ts';
import type { ProcessTable } from '../../src/registry/process-info.ts';
import type { FakeAddon } from './fakes.ts';

/** Told of nothing. */
export const NOBODY: Receiver = { onFrame: () => 0, onPlain: () => {}, onBug: () => {} };
/** The bus is ours, and this process has never stood still. */
export const LEASE = { check: () => true, pauses: 0 };

/** Where signals go that are no echoes: it only keeps them. */
function strangersTo(strangers: number[]): Inbound {
  return {
    moving: false,
    last: undefined,
    lastBitAt: 0,
    startOf: () => undefined,
    isMidway: () => false,
    reset: () => {},
    takeEchoed: () => {},
    drop: () => {},
    sender: (pid: number) => ({
      kind: 'plain',
      decoder: { push: (bit: number) => void strangers.push(pid * 2 + bit) },
    }),
  } as never;
}

/** What a link sends with, as EchoLink puts it together, and the signals that were no echoes. */
export function sendingWith(
  addon: FakeAddon,
  table: ProcessTable,
  bus: LastHolder = { holder: 0, isOurs: false, mayBeOurs: false },
  inbound?: Inbound,
  receiver = NOBODY,
) {
  const strangers: number[] = [];
  const takes = inbound ?? strangersTo(strangers);
  const wire = new Wire(addon);
  const outOfStep = new OutOfStep(table, bus);
  const outbound = new Outbound(wire, table, outOfStep);
  const pump = new Pump(addon, wire, takes, outbound, receiver);
  const transmitter = new Transmitter(addon, table, outOfStep, takes, outbound, pump);
  return { wire, outbound, pump, transmitter, strangers };
}
