/**
 * One table for each form on the wire; each drives encode, decode and round trip. The envelopes'
 * bytes were made by an independent program (Python's zlib), not by the code under test.
 */

import type { Envelope } from '../../src/codec/envelope.ts';

const text = new TextEncoder();

export const utf8 = (value: string): Uint8Array => text.encode(value);

export const hex = (digits: string): Uint8Array =>
  Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** The bytes first, first + 1, ... last. */
export const range = (first: number, last: number): Uint8Array =>
  Uint8Array.from({ length: last - first + 1 }, (_, i) => first + i);

export const bytes = (...parts: (number | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? part : [...part])));

/** Repeatable noise (xorshift32): the same 64 KiB in every run. */
export function noise(length: number): Uint8Array {
  let state = 0x5eed;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
}

/** Body and the bits on the wire, terminating NUL included. */
export const frames = [
  { name: "the 'h' of protocol.md", body: utf8('h'), bits: '00010110 00000000' },
  { name: 'an empty frame', body: bytes(), bits: '00000000' },
  { name: 'two bytes of UTF-8', body: utf8('ü'), bits: '11000011 00111101 00000000' },
  { name: 'all ones', body: bytes(255, 255), bits: '11111111 11111111 00000000' },
];

/** "123456789" is the check value of the CRC catalogues; the 32-byte ones are patterns of RFC 3720. */
export const checksums = [
  { name: 'nothing', bytes: bytes(), crc: 0 },
  { name: 'a', bytes: utf8('a'), crc: 0xe8b7be43 },
  { name: 'abc', bytes: utf8('abc'), crc: 0x352441c2 },
  { name: '123456789', bytes: utf8('123456789'), crc: 0xcbf43926 },
  {
    name: 'the quick brown fox',
    bytes: utf8('The quick brown fox jumps over the lazy dog'),
    crc: 0x414fa339,
  },
  { name: '32 zeros', bytes: new Uint8Array(32), crc: 0x190a55ad },
  { name: '32 ones', bytes: new Uint8Array(32).fill(0xff), crc: 0xff6cab0b },
  { name: '0 to 31', bytes: range(0, 31), crc: 0x91267e8a },
];

/** From Cheshire & Baker and the examples in Wikipedia's "Consistent Overhead Byte Stuffing". */
export const stuffings = [
  { name: 'nothing', raw: bytes(), stuffed: hex('01') },
  { name: 'one zero', raw: hex('00'), stuffed: hex('0101') },
  { name: 'two zeros', raw: hex('0000'), stuffed: hex('010101') },
  { name: 'a byte between zeros', raw: hex('001100'), stuffed: hex('01021101') },
  { name: 'a zero inside', raw: hex('11220033'), stuffed: hex('0311220233') },
  { name: 'no zero', raw: hex('11223344'), stuffed: hex('0511223344') },
  { name: 'zeros at the end', raw: hex('11000000'), stuffed: hex('0211010101') },
  { name: '254 bytes', raw: range(1, 254), stuffed: bytes(255, range(1, 254)) },
  { name: 'zero, 254 bytes', raw: range(0, 254), stuffed: bytes(1, 255, range(1, 254)) },
  { name: '255 bytes', raw: range(1, 255), stuffed: bytes(255, range(1, 254), 2, 255) },
  {
    name: '254 bytes, zero',
    raw: bytes(range(2, 255), 0),
    stuffed: bytes(255, range(2, 255), 1, 1),
  },
  {
    name: '253 bytes, zero, one',
    raw: bytes(range(3, 255), 0, 1),
    stuffed: bytes(254, range(3, 255), 2, 1),
  },
];

/** Numbers around each change of length; the last is Number.MAX_SAFE_INTEGER. */
export const numbers = [
  { value: 0, bytes: hex('00') },
  { value: 127, bytes: hex('7f') },
  { value: 128, bytes: hex('8001') },
  { value: 624485, bytes: hex('e58e26') },
  { value: 2 ** 32, bytes: hex('8080808010') },
  { value: 2 ** 53 - 1, bytes: hex('ffffffffffffff0f') },
];

const plain = { control: false, fields: {} };

/** Without `wire` the round trip alone is checked. */
export const envelopes: { name: string; envelope: Envelope; wire?: Uint8Array }[] = [
  {
    name: 'one letter',
    envelope: { ...plain, seq: 0, body: utf8('h') },
    wire: hex('8080b3e7fab48668'),
  },
  { name: 'no body', envelope: { ...plain, seq: 0, body: bytes() }, wire: hex('8080949388bf89') },
  {
    name: 'UTF-8',
    envelope: { ...plain, seq: 5, body: utf8('grüß 日本 🐟') },
    wire: hex('8085bcd6fff0896772c3bcc39f20e697a5e69cac20f09f909f'),
  },
  {
    name: 'all zero',
    envelope: { ...plain, seq: 127, body: new Uint8Array(8) },
    wire: hex('81ff828c88988a010101010101010101'),
  },
  {
    name: 'a zero inside',
    envelope: { ...plain, seq: 3, body: hex('610062') },
    wire: hex('818389ad87ff8502610262'),
  },
  {
    name: 'a settlement',
    envelope: { seq: 9, control: true, fields: { ref: 7 }, body: utf8('d') },
    wire: hex('8a8981f9dfe48f0305010764'),
  },
  {
    name: 'two messages',
    envelope: { ...plain, seq: 2, fields: { count: 2 }, body: hex('0468690503010171796f') },
    wire: hex('8282ebacad9083030801020468690503010171796f'),
  },
  {
    name: 'a queue',
    envelope: { ...plain, seq: 2, fields: { queue: 'mail' }, body: utf8('hi') },
    wire: hex('8282ee92d19c860601046d61696c6869'),
  },
  {
    name: 'all fields',
    envelope: {
      ...plain,
      seq: 64,
      fields: {
        queue: 'q',
        priority: 9,
        delayMs: 1000,
        ttlMs: 60000,
        ref: 0,
        id: Number.MAX_SAFE_INTEGER,
        attempt: 2,
        headers: [
          ['k', 'v'],
          ['n', ''],
        ],
      },
      body: utf8('body'),
    },
    wire: hex(
      '83c0d7ff8d818813280101710201090302e8070403e0d4030501114008' +
        'ffffffffffffff0f41010242036b057642026e05626f6479',
    ),
  },
  ...[253, 254, 255, 508, 509].flatMap((length) => [
    {
      name: `${length} bytes without zero`,
      envelope: { ...plain, seq: 1, body: new Uint8Array(length).fill(7) },
    },
    {
      name: `${length} bytes that start with zero`,
      envelope: { ...plain, seq: 1, body: bytes(0, new Uint8Array(length - 1).fill(7)) },
    },
  ]),
  { name: '64 KiB of noise', envelope: { ...plain, seq: 77, body: noise(65536) } },
];

/** Frames with a correct checksum, and what they are all the same. */
export const oddFrames = [
  { name: 'the flag that is reserved', wire: hex('8583c9e085d38a02610262'), kind: 'unsupported' },
  { name: 'version 1', wire: hex('9080c3a1e0d58768'), kind: 'unsupported' },
  { name: 'unknown critical tag', wire: hex('83808be8dff28503023f0268'), kind: 'unsupported' },
  { name: 'fields longer than the frame', wire: hex('838090f78ebd8a0309010268'), kind: 'damaged' },
];
