import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../clock.ts';
import { Reason } from '../codec/reason.ts';
import { type Bit, SignalCodec } from '../codec/signal-codec.ts';
import { guarded } from '../guarded.ts';
import { isStopped, type ProcessInfo, type ProcessTable } from '../registry/process-info.ts';
import { vetTarget } from '../registry/vet.ts';
import { Descriptor, type DescriptorPort } from '../signals/descriptor.ts';
import { LinkError, linkErrors } from './errors.ts';
import { type EchoMachine, type FrameOutcome, FrameSender } from './frame-sender.ts';
import type { Inbound } from './inbound.ts';
import type { OutOfStep } from './out-of-step.ts';
import type { Outbound } from './outbound.ts';
import type { Pump } from './pump.ts';
import { Synchroniser } from './synchroniser.ts';
import {
  ANSWER_TIMEOUT_MS,
  ECHO_TIMEOUT_MS,
  type EchoTarget,
  type Route,
  STALL_LOOK_MS,
  STOPPED_PEER_MS,
  Transfer,
  unanswered,
} from './transfer.ts';

/** No signal for so long, and none pending there: whatever was on its way has arrived; ms. */
const QUIET_MS = 3;
/** Rounds of synchronising; each loses at most a few bits, and two are enough on a quiet machine. */
const MAX_ROUNDS = 20;

/**
 * A frame that every receiver refuses as damaged: no envelope, and no UTF-8 either. Ones, then zeros: what
 * is out of step by any number of bits does not end where it does.
 */
const TEST_FRAME = SignalCodec.encode(Uint8Array.of(0xff));

export interface SendOptions {
  /** Gives the frame up. */
  readonly signal?: AbortSignal | undefined;
  /** Called every 20 ms or so with the bits echoed so far. */
  readonly onProgress?: ((sentBits: number, totalBits: number) => void) | undefined;
  /** Called with each echo; costs speed. */
  readonly onEcho?: ((echo: Bit) => void) | undefined;
}

/** Sends frames to echo peers, one at a time, and brings those in step again that are not. */
export class Transmitter {
  readonly #addon: DescriptorPort;
  readonly #table: ProcessTable;
  readonly #outOfStep: OutOfStep;
  readonly #inbound: Pick<Inbound, 'isMidway' | 'reset'>;
  readonly #outbound: Outbound;
  readonly #pump: Pump;

  constructor(
    addon: DescriptorPort,
    table: ProcessTable,
    outOfStep: OutOfStep,
    inbound: Pick<Inbound, 'isMidway' | 'reset'>,
    outbound: Outbound,
    pump: Pump,
  ) {
    this.#addon = addon;
    this.#table = table;
    this.#outOfStep = outOfStep;
    this.#inbound = inbound;
    this.#outbound = outbound;
    this.#pump = pump;
  }

  /**
   * Sends one frame (with its zero byte). Whoever gets an error does not know whether the frame arrived.
   * @throws LinkError peer-gone, peer-stalled, bus-lost, out-of-step, unsafe-target, not-echo, link-closed;
   *   the reason of `signal`
   */
  async send(
    lease: Route['lease'],
    target: EchoTarget,
    frame: Uint8Array,
    { signal, onProgress, onEcho }: SendOptions,
  ): Promise<FrameOutcome> {
    const peer = new Descriptor(this.#addon, target.pid);
    try {
      // Section 2, before the first signal of every frame.
      const vetted = vetTarget(target.pid, { start: target.start }, this.#table);
      if (!vetted.ok) throw linkErrors.unsafe(target.pid, vetted.why);
      if (vetted.kind !== 'echo') throw linkErrors.notEcho(target.pid);
      const route = { lease, target, peer, signal };
      this.#pump.takeSignals(); // what is pending is of other frames
      if (this.#mayEchoLate(target, vetted.info)) this.#fallOutOfStep(route);
      if (this.#outOfStep.has(target)) await this.#synchronise(route);
      const machine = new FrameSender(frame, onEcho);
      try {
        const onLook = () => onProgress?.(machine.sent, machine.total);
        await this.#drive(route, machine, ANSWER_TIMEOUT_MS, onLook);
      } catch (error) {
        if (error instanceof LinkError) {
          error.answerPending = machine.mayArrive || machine.outcome !== undefined;
        }
        throw error;
      }
      return machine.outcome ?? { kind: 'out-of-step' };
    } finally {
      peer.close();
    }
  }

  /**
   * Whether the peer may take an echo for a bit: it has given up a frame to us, or else we would not have the bus; what
   * we echo or answer to that frame comes late, and while we have the bus it looks like a bit.
   */
  #mayEchoLate(target: EchoTarget, { threadPending }: ProcessInfo): boolean {
    return this.#inbound.isMidway(target) || threadPending === true;
  }

  /** @throws LinkError bus-lost: then it may be the frame of who has taken the bus from us */
  #fallOutOfStep({ lease, target }: Route): void {
    if (!lease.check()) throw linkErrors.busLost();
    this.#outOfStep.add(target);
    this.#inbound.reset(target.pid);
  }

  /** Lets a machine run to its end. @param answerMs see {@link Transfer} */
  async #drive(
    route: Route,
    machine: EchoMachine,
    answerMs: number,
    onLook?: () => void,
  ): Promise<void> {
    const { target, signal } = route;
    signal?.throwIfAborted();
    const transfer = new Transfer(route, machine, answerMs);
    const giveUp = (error: unknown) => this.#outbound.giveUp(error);
    const look = () => {
      onLook?.();
      const failed = transfer.stall(this.#table);
      if (failed) giveUp(failed);
    };
    const abort = () => giveUp(signal?.reason);
    const timer = setInterval(guarded(look, giveUp), STALL_LOOK_MS);
    signal?.addEventListener('abort', abort);
    try {
      this.#outbound.begin(transfer);
      this.#pump.takeSignals();
      await transfer.done;
      if (transfer.stoodStill) {
        this.#outOfStep.add(target);
        throw linkErrors.busLost();
      }
    } finally {
      clearInterval(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** @throws LinkError peer-stalled, out-of-step, and what a transfer fails with */
  async #synchronise(route: Route): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await this.#quiet(route.target);
      const synchroniser = new Synchroniser();
      await this.#drive(route, synchroniser, ECHO_TIMEOUT_MS);
      if (!synchroniser.inStep || !(await this.#prove(route))) continue;
      this.#outOfStep.delete(route.target);
      return;
    }
    throw linkErrors.outOfStep(route.target.pid);
  }

  /**
   * Whether the echoes are really those of the bits sent last, and not one behind, which zeros cannot tell:
   * all bits of {@link TEST_FRAME} come back right, its last one is refused, and nothing comes after that.
   */
  async #prove(route: Route): Promise<boolean> {
    const test = new FrameSender(TEST_FRAME);
    const before = this.#outOfStep.late;
    await this.#drive(route, test, ECHO_TIMEOUT_MS);
    this.#pump.takeSignals(); // an echo that is one too many is pending by now
    const { outcome } = test;
    const isDamaged = outcome?.kind === 'refused' && outcome.reason === Reason.Damaged;
    return isDamaged && test.sent === test.total - 1 && this.#outOfStep.late === before;
  }

  /** Waits until no signal is on its way between the peer and us. */
  async #quiet({ pid }: EchoTarget): Promise<void> {
    const since = clockMs();
    for (let patience = ECHO_TIMEOUT_MS; clockMs() - since <= patience; ) {
      await sleep(QUIET_MS);
      const info = this.#table.read(pid);
      // One that is stopped may have taken a bit that it has not echoed.
      const stopped = info !== undefined && isStopped(info);
      const isQuiet = clockMs() - this.#outOfStep.lateAt >= QUIET_MS;
      if (isQuiet && !stopped && !info?.pending) return;
      patience = stopped ? STOPPED_PEER_MS : ECHO_TIMEOUT_MS;
    }
    throw unanswered(pid, this.#table.read(pid));
  }
}
