import { clockMs } from '../clock.ts';
import type { Bit } from '../codec/signal-codec.ts';
import type { ProcessTable } from '../registry/process-info.ts';
import { vetTarget } from '../registry/vet.ts';
import { type Addon, Exchange } from '../signals/addon.ts';
import { blockInEveryThread } from '../signals/block-threads.ts';
import { Descriptor } from '../signals/descriptor.ts';
import { Bus } from './bus.ts';
import { FrameSender } from './frame-sender.ts';
import type { Lease } from './lease.ts';
import { OutOfStep } from './out-of-step.ts';
import { Outbound } from './outbound.ts';
import { ANSWER_TIMEOUT_MS, type EchoTarget, STALL_LOOK_MS, Transfer } from './transfer.ts';
import { Wire } from './wire.ts';

/** Long enough for others to transmit, and to take the bus from a holder that is stopped; ms. */
const BUS_PATIENCE_MS = 1000;
/** How long to sleep in the kernel for a signal before the peer is looked at; µs. */
const PATIENCE_US = 3000;

export interface OneFrame {
  readonly dir: string;
  readonly addon: Addon;
  readonly table: ProcessTable;
  readonly target: EchoTarget;
  /** With its zero byte. */
  readonly frame: Uint8Array;
}

/**
 * Sends one frame and does nothing else until it is answered, for a process that lives for this frame and in which
 * nothing has used the two signals yet: what an event loop needs, and what receives, would have to be loaded. It is the
 * usual case of a {@link Transmitter}, which can take over when this has failed.
 * @returns false: it is not known to have arrived
 * @throws LinkError, RegistryError: likewise
 */
export function sendOneFrame({ dir, addon, table, target, frame }: OneFrame): boolean {
  blockInEveryThread(addon);
  const bus = new Bus(dir, addon, table);
  const peer = new Descriptor(addon, target.pid);
  let lease: Lease | undefined;
  try {
    lease = bus.takeSync(BUS_PATIENCE_MS);
    if (!lease || !isInStep(target, table)) return false;
    const wire = new Wire(addon);
    const outbound = new Outbound(wire, table, new OutOfStep(table, bus));
    const machine = new FrameSender(frame);
    const transfer = new Transfer({ lease, target, peer }, machine, ANSWER_TIMEOUT_MS);
    transfer.done.catch(() => {}); // the machine says it
    try {
      drive(transfer, outbound, wire, table);
    } catch (error) {
      outbound.giveUp(error);
    }
    return machine.outcome?.kind === 'accepted' && !transfer.stoodStill;
  } finally {
    lease?.release();
    peer.close();
    bus.close();
  }
}

/** Section 2 of docs/protocol.md, before the first signal; and no signal of another frame is on its way to the peer. */
function isInStep({ pid, start }: EchoTarget, table: ProcessTable): boolean {
  const vetted = vetTarget(pid, { start }, table);
  return vetted.ok && vetted.kind === 'echo' && vetted.info.threadPending === false;
}

/** Until the transfer has ended, or was given up. */
function drive(transfer: Transfer, outbound: Outbound, wire: Wire, table: ProcessTable): void {
  const { lease, target } = transfer.route;
  outbound.begin(transfer);
  let lookedAt = clockMs();
  while (outbound.busy) {
    const event = wire.exchange(PATIENCE_US, outbound.pidfd);
    outbound.takeEchoes();
    const now = clockMs();
    if (event > 0) outbound.takeSignal(event >>> 1, (event & 1) as Bit, now);
    else if (event === Exchange.Gap && outbound.mayGoOn(target.pid)) wire.clearGap();
    else if (event !== Exchange.None && event !== Exchange.More) outbound.giveUpGone();
    if (now - lookedAt < STALL_LOOK_MS) continue;
    lookedAt = now;
    lease.check(); // renews it
    const failed = transfer.stall(table);
    if (failed) outbound.giveUp(failed);
  }
}
