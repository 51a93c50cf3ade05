import { Exit, SigmqError } from '../errors.ts';

/** The caller asked for bytes that the protocol cannot carry. Input from the wire never throws. */
export class CodecError<Code extends string = string> extends SigmqError<Code> {
  constructor(code: Code, message: string, hint: string) {
    super(code, Exit.BadData, message, hint);
  }

  static zeroByte(index: number) {
    return new CodecError(
      'zero-byte',
      `The body has a zero byte at offset ${index}, which would end the frame there.`,
      'Send it in an envelope, or without zero bytes.',
    );
  }

  static notAnInteger(what: string, value: number, max: number) {
    return new CodecError(
      'bad-number',
      `The ${what} is ${value}; it must be a whole number from 0 to ${max}.`,
      'Pass a number in that range.',
    );
  }

  static badText(what: string) {
    return new CodecError(
      'bad-text',
      `The ${what} is not well-formed Unicode, or has a NUL where none may be.`,
      'Remove unpaired surrogates, and NUL from header names.',
    );
  }

  static tooManyFields(count: number, max: number) {
    return new CodecError(
      'too-many-fields',
      `The message has ${count} fields; a frame carries at most ${max}.`,
      'Use fewer headers.',
    );
  }

  static fieldsTooLarge(bytes: number, max: number) {
    return new CodecError(
      'fields-too-large',
      `Queue name and headers take ${bytes} bytes; a frame carries at most ${max}.`,
      'Move long values into the message body.',
    );
  }

  static badLimit(maxFrameBytes: number) {
    return new CodecError(
      'bad-limit',
      `The frame limit is ${maxFrameBytes}; it must be a whole number of bytes, at least 1.`,
      'Pass a limit in bytes.',
    );
  }
}
