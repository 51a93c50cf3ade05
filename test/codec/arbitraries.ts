import fc from 'fast-check';
import type { Envelope } from '../../src/codec/envelope.ts';
import type { MessageFields } from '../../src/codec/fields.ts';

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
// 'binary' is every code point but the surrogates: NUL, byte order mark, astral ones.
const text = fc.string({ unit: 'binary', maxLength: 20 });
const name = text.filter((value) => !value.includes('\0'));

export const anyFields: fc.Arbitrary<MessageFields> = fc.record(
  {
    queue: text,
    priority: number,
    delayMs: number,
    ttlMs: number,
    ref: number,
    request: number,
    number,
    count: number,
    offset: number,
    total: number,
    unpacked: number,
    id: number,
    attempt: number,
    delivery: number,
    incarnation: number,
    releases: number,
    headers: fc.array(fc.tuple(name, text), { minLength: 1, maxLength: 5 }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

/** Bytes among which zeros are frequent. */
export const anyBody = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc
    .array(fc.constantFrom(0, 0, 1, 0x80, 0xff), { maxLength: 300 })
    .map((list) => Uint8Array.from(list)),
);

export const anyEnvelope: fc.Arbitrary<Envelope> = fc.record(
  {
    seq: fc.nat({ max: 127 }),
    body: anyBody,
    control: fc.boolean(),
    fields: fc.oneof(fc.constant({}), anyFields),
  },
  { noNullPrototype: true },
);

export const anyBit = fc.constantFrom(0 as const, 1 as const);
