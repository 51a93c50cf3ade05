// Frames as hostile processes send them: bytes with their terminator, made from good ones.
import { encodeEnvelope } from '../dist/src/codec/envelope.js';
import { SignalCodec } from '../dist/src/codec/signal-codec.js';
import { anyBytes, anyRequest, anyText, times } from './values.mjs';

/** Longer than any frame of the brokers here (see stage.mjs), which take messages of 4 KiB. */
const TOO_LONG = 9000;

const framed = (envelope) => Buffer.from(SignalCodec.encode(encodeEnvelope(envelope)));

function message(random) {
  const id = random.int(0, 1) ? { id: random.int(0, 1e6) } : {};
  const fields = {
    queue: random.pick(['junk', 'junk', anyText(random).replace('\ufeff', '')]),
    priority: random.int(0, 3),
    delayMs: random.pick([0, 1, 50, 2 ** 40]),
    ttlMs: random.pick([1, 100, 1000]),
    number: random.int(0, 5),
    headers: times(random.int(0, 5), () => [anyText(random, 10), anyText(random)]),
    ...id,
  };
  const more = random.int(0, 3) === 0;
  return framed({
    seq: random.int(0, 127),
    body: anyBytes(random, 300),
    more,
    control: false,
    fields,
  });
}

function control(random) {
  const bodies = [
    () => Buffer.from(JSON.stringify(anyRequest(random)) ?? ''),
    () => Buffer.from(random.pick(['d', 'f', 'r', 'x'])),
    () => anyBytes(random, 60),
  ];
  const ref = random.int(0, 1) ? { ref: random.pick([0, 1, 2, 1e6, Number.MAX_SAFE_INTEGER]) } : {};
  const request = random.int(0, 1) ? { request: random.int(0, 99) } : {};
  const fields = { ...ref, ...request, attempt: random.int(0, 3) };
  return framed({ seq: 0, body: random.pick(bodies)(), more: false, control: true, fields });
}

/** The checksum is right of what was encoded, and then a byte of the fields is another. */
function flipped(random) {
  const frame = random.pick([message, control])(random);
  for (let n = random.int(1, 4); n > 0; n--) {
    const bit = random.int(0, frame.length * 8 - 1);
    frame[bit >> 3] ^= 1 << (bit & 7);
  }
  return frame;
}

const noise = (random) => Buffer.concat([anyBytes(random, 100), Buffer.of(0)]);
const long = (random) => Buffer.alloc(TOO_LONG, random.int(1, 255));
const text = (random) => Buffer.from(`${anyText(random)}\0`);
const unsupported = (random) => framed({ ...plain(random), more: true, control: true });
const plain = (random) => ({ seq: random.int(0, 127), body: anyBytes(random, 40), fields: {} });

/** One frame, and how many of its bits are sent. */
export function anyFrame(random) {
  const makers = [message, message, control, control, control, flipped, noise, text, unsupported];
  const frame = random.int(0, 60) === 0 ? long(random) : random.pick(makers)(random);
  const all = frame.length * 8;
  return { frame, bits: random.int(0, 3) === 0 ? random.int(0, all) : all };
}

export function anyBits(random) {
  const frame = Buffer.from(times(random.int(1, 60), () => random.int(0, 255)));
  return { frame, bits: frame.length * 8 };
}
