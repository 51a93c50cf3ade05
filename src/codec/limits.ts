import { cobsMaxBytes } from './cobs.ts';

/** Flags, sequence number and checksum before the payload (protocol 6). */
export const HEADER_BYTES = 7;

/** A queue name and a few dozen headers; NATS limits its control line similarly (max_control_line). */
export const MAX_FIELDS_BYTES = 4096;

/** MAX_FIELDS_BYTES at 16 bytes a field; bounds the work on a frame of many empty fields. */
export const MAX_FIELDS = 256;

/**
 * The body of one message; while a longer one is on the wire, the others wait (for the speed see
 * docs/benchmarks.md).
 */
export const DEFAULT_MAX_MESSAGE_BYTES = 65536;

/** LEB128 of MAX_FIELDS_BYTES. */
const FIELDS_LENGTH_BYTES = 2;

/** The longest frame, without its NUL, that a message body of `maxMessageBytes` bytes can take. */
export function maxFrameBytes(maxMessageBytes: number): number {
  return HEADER_BYTES + cobsMaxBytes(FIELDS_LENGTH_BYTES + MAX_FIELDS_BYTES + maxMessageBytes);
}

/** 64 KiB of body, all fields, the header, and stuffing at its worst: no legal frame is longer. */
export const DEFAULT_MAX_FRAME_BYTES = maxFrameBytes(DEFAULT_MAX_MESSAGE_BYTES);
