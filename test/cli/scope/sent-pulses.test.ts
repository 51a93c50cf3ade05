import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SentPulses } from '../../../src/cli/scope/sent-pulses.ts';
import { USUAL_CODING } from '../../../src/codec/plain-coding.ts';
import type { Bit } from '../../../src/codec/signal-codec.ts';

it('SentPulses counts the bits of bytes, and not the questions after a refusal', () => {
  const pulses = new SentPulses(USUAL_CODING);
  const bit = (signal: Bit) => {
    const { position, byte } = pulses.pulseOf({
      at: 0,
      kind: 'bit',
      isSent: true,
      bit: signal,
      pid: 5,
    });
    return position === undefined ? undefined : [position, byte];
  };
  const echo = (signal: Bit) =>
    pulses.pulseOf({ at: 0, kind: 'echo', isSent: false, bit: signal, pid: 5 });
  assert.deepEqual(bit(1), [0, 1]);
  echo(1);
  assert.deepEqual(bit(1), [1, 3]);
  echo(0); // refused
  for (const answer of [1, 1, 0, 0] as const) {
    assert.equal(bit(0), undefined);
    echo(answer);
  }
  assert.deepEqual(bit(0), [0, 0], 'the next frame');
  echo(1);
  assert.deepEqual(bit(1), [0, 1], 'who does not ask begins anew');
  pulses.plainPid = 5;
  assert.equal(echo(0).kind, 'ack');
});
