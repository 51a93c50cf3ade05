import { types } from 'node:util';
import { duration } from './durations.ts';
import { optionErrors } from './errors.ts';
import { type Kind, keptText, type TextKind } from './kind.ts';
import { isQueueName } from './queue-name.ts';

/**
 * Queues of one consumer. Each costs a lookup in the store for every delivery, and up to 65 bytes of the consumer's
 * line in consumers.txt.
 */
export const MAX_QUEUES = 1000;

/** Printable ASCII without a colon, which ends the name on the command line. */
const HEADER_NAME = /^[!-9;-~]{1,128}$/;
const HEADER_TEXT = /^([^:]*):\s*(.*?)\s*$/s;

export const queueName = keptText((value) => {
  if (!isQueueName(value)) throw optionErrors.badQueue(value);
});

/** Bytes of a key in UTF-8. */
const MAX_KEY_BYTES = 256;

export function isKey(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    Buffer.byteLength(value) <= MAX_KEY_BYTES &&
    value.isWellFormed() &&
    !/\p{Cc}/u.test(value)
  );
}

/** What a message of a queue is about, of which no other should be waiting. */
export const messageKey = keptText((value) => {
  if (!isKey(value)) throw optionErrors.badKey(value, MAX_KEY_BYTES);
});

type Header = readonly [name: string, value: string];

/** As text: `name:value`; spaces around the value are not part of it. */
export const header: TextKind<Header> = {
  parse(text) {
    const [, name = '', value] = HEADER_TEXT.exec(text) ?? [];
    if (!isHeader([name, value])) throw optionErrors.badHeader(text);
    return [name, value as string];
  },
  check(value) {
    if (!isHeader(value)) throw optionErrors.badHeader(value);
  },
};

/** @param wanted with its article */
export function listOf(kind: Kind, wanted: string): Kind {
  return {
    check(value) {
      if (!Array.isArray(value)) throw optionErrors.badOption(value, wanted);
      for (const one of value) kind.check(one);
    },
  };
}

/** In order; a name may occur more than once. */
export const headers = listOf(header, 'a list of headers');

function isHeader(value: unknown): value is Header {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [name, text] = value;
  return (
    typeof name === 'string' &&
    HEADER_NAME.test(name) &&
    typeof text === 'string' &&
    !text.includes('\0') &&
    text.isWellFormed()
  );
}

const interval = duration();

/** `always`, `never`, or an interval. */
export const fsync: TextKind<'always' | 'never' | number> = {
  parse(text) {
    if (text === 'always' || text === 'never') return text;
    try {
      return interval.parse(text);
    } catch {
      throw optionErrors.badFsync(text);
    }
  },
  check(value) {
    if (value === 'always' || value === 'never') return;
    try {
      interval.check(value);
    } catch {
      throw optionErrors.badFsync(value);
    }
  },
};

/** Of a file or folder. */
export const path = keptText((value) => {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    throw optionErrors.badPath(value);
  }
});

/**
 * A runtime directory. Whether the name is empty is checked where the directory is resolved, even if the name was
 * not given here.
 */
export const directory = typed(
  'the name of a directory',
  (value) => typeof value === 'string' && !value.includes('\0'),
);

/** What it contains is checked where it is used. */
export const storeUrl: Kind = {
  check(value) {
    // What is no such URL may contain a password, and is not shown.
    if (typeof value !== 'string' || !/^postgres(ql)?:\/\//.test(value))
      throw optionErrors.badStoreUrl();
  },
};

export const flag = typed('true or false', (value) => typeof value === 'boolean');
export const callback = typed('a function', (value) => typeof value === 'function');
export const abortSignal = typed('an AbortSignal', (value) => value instanceof AbortSignal);

export function oneOf(values: readonly string[]): Kind {
  return typed(values.join(' or '), (value) => values.includes(value as string));
}

function typed(wanted: string, isOne: (value: unknown) => boolean): Kind {
  return {
    check(value) {
      if (!isOne(value)) throw optionErrors.badOption(value, wanted);
    },
  };
}

/** The body of a message: a string, or bytes. */
export const body: Kind = {
  check(value) {
    if (typeof value === 'string') {
      if (!value.isWellFormed()) throw optionErrors.badText();
    } else if (!types.isUint8Array(value)) throw optionErrors.badBody(value);
  },
};

/** Something that yields bodies; strings and bytes are iterable, too, but nobody means them that way. */
export const bodies: Kind = {
  check(value) {
    const isIterable =
      typeof value === 'object' &&
      value !== null &&
      Symbol.iterator in value &&
      !ArrayBuffer.isView(value);
    if (!isIterable) throw optionErrors.badBodies(value);
  },
};
