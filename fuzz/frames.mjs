// Frames as hostile processes send them: bytes with their terminator, made from good ones.
import { brotliCompressSync } from 'node:zlib';
import { encodeBatch } from '../dist/src/codec/batch.js';
import { encodeEnvelope } from '../dist/src/codec/envelope.js';
import { SignalCodec } from '../dist/src/codec/signal-codec.js';
import { anyBytes, anyRequest, anyText, times } from './values.mjs';

/** Longer than any frame of the brokers here (see stage.mjs): they take batches of 32 KiB, and 4 KiB of fields. */
const TOO_LONG = 40_000;

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
  return framed({ seq: random.int(0, 127), body: anyBytes(random, 300), control: false, fields });
}

/** Messages or settlements in one frame; what it says of itself may be wrong. */
function batch(random) {
  const isControl = random.int(0, 1) === 1;
  const entries = times(random.pick([0, 1, 2, 10, 256, 300]), () => {
    const ref = isControl ? { ref: random.int(0, 5) } : {};
    const queue = random.int(0, 3) ? { queue: 'junk' } : {};
    const body = isControl ? Buffer.from(random.pick(['d', 'f', 'e', '?'])) : anyBytes(random, 8);
    return { fields: { ...ref, ...queue, ttlMs: 1000 }, body };
  });
  const count = random.pick([entries.length, entries.length, entries.length + 1, 0, 257, 2 ** 52]);
  const fields = { count, queue: 'junk', number: random.int(0, 5) };
  const plain = { seq: random.int(0, 127), control: isControl, body: encodeBatch(entries), fields };
  return framed(random.int(0, 1) ? plain : packed(random, plain));
}

/** What a frame holds, packed; how large that is may be wrong. */
function packed(random, { body, fields, ...rest }) {
  const bytes = random.int(0, 9) ? body : Buffer.alloc(random.pick([5000, 1 << 20, 1 << 24]));
  const unpacked = random.pick([
    ...[bytes.length, bytes.length, bytes.length, bytes.length + 1],
    ...[0, 4096, 60_000, 2 ** 52],
  ]);
  const whole = brotliCompressSync(bytes);
  const end = random.int(0, 5) ? whole.length : random.int(0, whole.length);
  return { ...rest, body: whole.subarray(0, end), fields: { ...fields, unpacked } };
}

function onePacked(random) {
  const fields = { queue: 'junk', ttlMs: 1000, number: random.int(0, 5) };
  const body = Buffer.from(anyText(random).repeat(random.int(1, 100)));
  return framed(packed(random, { seq: random.int(0, 127), control: false, body, fields }));
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
  return framed({ seq: 0, body: random.pick(bodies)(), control: true, fields });
}

/** The checksum is right of what was encoded, and then a byte of the fields is another. */
function flipped(random) {
  const frame = random.pick([message, control, batch, onePacked])(random);
  for (let n = random.int(1, 4); n > 0; n--) {
    const bit = random.int(0, frame.length * 8 - 1);
    frame[bit >> 3] ^= 1 << (bit & 7);
  }
  return frame;
}

const noise = (random) => Buffer.concat([anyBytes(random, 100), Buffer.of(0)]);
const long = (random) => Buffer.alloc(TOO_LONG, random.int(1, 255));
const text = (random) => Buffer.from(`${anyText(random)}\0`);
/** A flag that is reserved. */
function unsupported(random) {
  const frame = framed({ ...plain(random), control: true });
  frame[0] |= 4;
  return frame;
}

const plain = (random) => ({ seq: random.int(0, 127), body: anyBytes(random, 40), fields: {} });

/** One frame, and how many of its bits are sent. */
export function anyFrame(random) {
  const makers = [
    ...[message, message, control, control, control, batch, batch, onePacked],
    ...[flipped, noise, text, unsupported],
  ];
  const frame = random.int(0, 60) === 0 ? long(random) : random.pick(makers)(random);
  const all = frame.length * 8;
  return { frame, bits: random.int(0, 3) === 0 ? random.int(0, all) : all };
}

export function anyBits(random) {
  const frame = Buffer.from(times(random.int(1, 60), () => random.int(0, 255)));
  return { frame, bits: frame.length * 8 };
}
