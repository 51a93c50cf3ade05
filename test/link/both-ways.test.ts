/**
 * Two processes that send to each other, after one of them has given a frame up: what is on its way of that frame comes
 * late. model/echo.pml shows the same for every order of events, on machines that are like these.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reason } from '../../src/codec/reason.ts';
import { SignalCodec } from '../../src/codec/signal-codec.ts';
import type { Verdict } from '../../src/link/frame-receiver.ts';
import type { FrameOutcome } from '../../src/link/frame-sender.ts';
import { Inbound } from '../../src/link/inbound.ts';
import { fakeTable } from '../registry/fake-table.ts';
import { FakeAddon, FakeClock } from './fakes.ts';
import { LEASE, sendingWith } from './sending.ts';

const MAX_BYTES = 100;
/** A late echo that was taken for a bit is echoed, and so on, so often before the next frame begins. */
const MAX_ROUNDS = 4;
/** Bits that read out a reason. */
const REASON_BITS = 4;

/** What each sends to the other. It has come whole when it is one of these. */
const DELIVERY = SignalCodec.encode(Uint8Array.of(0x8a, 0x41));
/** One begins with a pair, the other with a 1. */
const SETTLEMENTS = [Uint8Array.of(0x8a, 0x69), Uint8Array.of(0x69, 0x8a)].map(SignalCodec.encode);
const whole = (frame: Uint8Array) => frame.subarray(0, -1);
const KNOWN = [DELIVERY, ...SETTLEMENTS].map(whole);

/** Out of step is a matter of the process, for each PID: each pair has its own. */
let lastPid = 1000;

/** One of two processes, and its signals. */
class End {
  readonly pid = ++lastPid;
  readonly addon = new FakeAddon();
  readonly frames: Uint8Array[] = [];
  /** On each frame that comes whole. */
  readonly verdict: Verdict;
  readonly inbound: Inbound;
  readonly #sending: ReturnType<typeof sendingWith>;

  constructor(verdict: Verdict, other: () => End, shared: { holder: number }) {
    this.verdict = verdict;
    const { pid } = this;
    const bus = {
      get holder() {
        return shared.holder;
      },
      get isOurs() {
        return shared.holder === pid;
      },
      mayBeOurs: true,
    };
    const table = {
      ...fakeTable(),
      read: (pid: number) => {
        const isPending = other().addon.events.length > 0;
        return fakeTable({ pid, pending: isPending, threadPending: isPending }).read(pid);
      },
    };
    this.inbound = new Inbound(table, this.addon, MAX_BYTES, {
      takeEchoed: (receiver) => this.#sending.wire.takeEchoed(receiver),
    });
    this.#sending = sendingWith(this.addon, table, bus, this.inbound, {
      onFrame: (_sender, frame) => this.#judge(frame),
      onPlain: () => {},
      onBug: (error) => assert.fail(String(error)),
    });
  }

  #judge(frame: Uint8Array): Verdict {
    if (!KNOWN.some((known) => Buffer.compare(known, frame) === 0)) return Reason.Damaged;
    this.frames.push(frame);
    return this.verdict;
  }

  /** A signal becomes pending: one that is already swallows it, and the lower number is taken first. */
  raise(pid: number, bit: number): void {
    const { events } = this.addon;
    const signal = pid * 2 + bit;
    if (!events.includes(signal)) events.push(signal);
    events.sort();
  }

  take(): void {
    this.#sending.pump.takeSignals();
  }

  get isSending(): boolean {
    return this.#sending.outbound.busy;
  }

  giveUp(): void {
    this.#sending.outbound.giveUp(new Error('given up'));
  }

  send(to: End, frame: Uint8Array, lease = LEASE): Promise<FrameOutcome> {
    return this.#sending.transmitter.send(lease, { pid: to.pid, start: 500 }, frame, {});
  }
}

interface PairOptions {
  readonly clock: FakeClock;
  /** That of the second. */
  readonly verdict: Verdict;
  /** The first gives its frame up right before the second sends so many echoes, or takes so many bits. */
  readonly giveUpAt: number;
  readonly at: 'echo' | 'bit';
}

class Pair {
  readonly first: End;
  readonly second: End;
  readonly #clock: FakeClock;
  readonly #bus = { holder: 0 };

  constructor({ clock, verdict, giveUpAt, at }: PairOptions) {
    this.#clock = clock;
    const first = new End(0, () => this.second, this.#bus);
    const second = new End(verdict, () => this.first, this.#bus);
    this.first = first;
    this.second = second;
    let left = giveUpAt;
    const onSignal = (of: 'echo' | 'bit') => {
      if (of === at && --left === 0) first.giveUp();
    };
    first.addon.peers.set(second.pid, (bit) => {
      second.raise(first.pid, bit);
      onSignal('bit');
      return undefined;
    });
    second.addon.peers.set(first.pid, (bit) => {
      onSignal('echo');
      first.raise(second.pid, bit);
      return undefined;
    });
  }

  takeBus({ pid }: End): void {
    this.#bus.holder = pid;
  }

  /** One frame, once. @returns undefined: it was given up */
  async send(from: End, to: End, frame: Uint8Array): Promise<FrameOutcome | undefined> {
    this.takeBus(from);
    let isOver = false;
    const sending = from
      .send(to, frame)
      .catch(() => undefined)
      .finally(() => {
        isOver = true;
      });
    for (let takes = to; !isOver; takes = takes === to ? from : to) {
      takes.take();
      if (!from.isSending || this.#isQuiet) await this.#clock.pass(10);
    }
    return sending;
  }

  get #isQuiet(): boolean {
    return [this.first, this.second].every(({ addon }) => addon.events.length === 0);
  }
}

/** The first gives up a delivery, and after so many rounds the second sends a settlement, which comes at once. */
async function settles(options: PairOptions, rounds: number, settlement: Uint8Array) {
  const pair = new Pair(options);
  const { first, second } = pair;
  assert.equal(await pair.send(first, second, DELIVERY), undefined);
  pair.takeBus(second);
  for (let round = 0; round < rounds; round++) (round % 2 === 0 ? first : second).take();
  assert.deepEqual(await pair.send(second, first, settlement), { kind: 'accepted' });
  assert.deepEqual(first.frames, [whole(settlement)]);
  assert.equal(second.inbound.moving, false, 'nothing is left of the delivery');
  const { verdict } = options;
  const answer = verdict === 0 ? { kind: 'accepted' } : { kind: 'refused', reason: verdict };
  assert.deepEqual(await pair.send(first, second, DELIVERY), answer);
  assert.deepEqual(second.frames.at(-1), whole(DELIVERY));
}

describe('A process that sends a frame to one that has given up a frame to it', () => {
  const bits = DELIVERY.length * 8;
  for (const [name, verdict, echoes] of [
    ['which it accepted', 0, bits],
    ['which it refused, and had given its reason', Reason.Later, bits + REASON_BITS],
  ] as const) {
    for (const at of ['echo', 'bit'] as const) {
      it(`${name}, is understood, whichever ${at} comes late`, async (t) => {
        const clock = new FakeClock(t);
        clock.stopSleeps();
        for (let giveUpAt = 1; giveUpAt <= echoes; giveUpAt++) {
          const options = { clock, verdict, giveUpAt, at };
          for (let rounds = 0; rounds <= MAX_ROUNDS; rounds++) {
            for (const settlement of SETTLEMENTS) {
              const where = `given up at: ${giveUpAt}, rounds: ${rounds}, ${settlement}`;
              await assert.doesNotReject(settles(options, rounds, settlement), where);
            }
          }
        }
      });
    }
  }

  it('leaves that frame alone when the bus is no longer its own: it goes on', async (t) => {
    const clock = new FakeClock(t);
    const { first, second } = new Pair({ clock, verdict: 0, giveUpAt: 0, at: 'bit' });
    const sending = first.send(second, DELIVERY);
    second.take();
    first.take();
    const lost = { check: () => false, pauses: 0 };
    const failing = second.send(first, SETTLEMENTS[0] as Uint8Array, lost);
    failing.catch(() => {});
    for (let bit = 0; bit < DELIVERY.length * 8; bit++) {
      second.take();
      first.take();
    }
    assert.deepEqual(second.frames, [whole(DELIVERY)]);
    assert.deepEqual(await sending, { kind: 'accepted' });
    await assert.rejects(failing, { code: 'bus-lost' });
  });
});
