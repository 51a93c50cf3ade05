import type { ErrorCode } from '../error-codes.ts';
import { Exit, SigmqError } from '../errors.ts';

/** The caller asked for bytes that the protocol cannot carry. Input from the wire never throws. */
export class CodecError extends SigmqError {
  constructor(code: ErrorCode, message: string, hint: string) {
    super(code, Exit.BadData, message, hint);
  }
}

/** The messages of everything that cannot be encoded. */
export const codecErrors = {
  zeroByte: (index: number) =>
    new CodecError(
      'zero-byte',
      `The body has a zero byte at offset ${index}, which would end the frame there.`,
      'Send it in an envelope, or without zero bytes.',
    ),
  notAnInteger: (what: string, value: number, max: number) =>
    new CodecError(
      'bad-number',
      `The ${what} is ${value}; it must be a whole number from 0 to ${max}.`,
      'Pass a number in that range.',
    ),
  badText: (what: string) =>
    new CodecError(
      'bad-text',
      `The ${what} is not well-formed Unicode, or has a NUL where none may be.`,
      'Remove unpaired surrogates, and NUL from header names.',
    ),
  tooManyFields: (count: number, max: number) =>
    new CodecError(
      'too-many-fields',
      `The message has ${count} fields; a frame carries at most ${max}.`,
      'Use fewer headers.',
    ),
  fieldsTooLarge: (bytes: number, max: number) =>
    new CodecError(
      'fields-too-large',
      `Queue name and headers take ${bytes} bytes; a frame carries at most ${max}.`,
      'Move long values into the message body.',
    ),
  badLimit: (maxFrameBytes: number) =>
    new CodecError(
      'bad-limit',
      `The frame limit is ${maxFrameBytes}; it must be a whole number of bytes, at least 1.`,
      'Pass a limit in bytes.',
    ),
};
