/** Each option that can be given in more than one way, and the values it may have. */
import { duration } from './durations.ts';
import { listOf } from './kinds.ts';
import { fraction, size, wholeNumber } from './numbers.ts';

/** Messages in hand at a time: each is kept in memory. */
export const MAX_JOBS = 1000;
/** More than a consumer ever needs to take; bytes. */
const MAX_MESSAGE_BYTES = 32 << 20;
/** More than anybody keeps here, and far below what SQLite can hold; bytes. */
const MAX_STORE_BYTES = 2 ** 40;

/** Messages on their way, or waiting, in a consumer: a frame may carry 256. */
export const MAX_PREFETCH = 1000;

export const jobs = wholeNumber(1, MAX_JOBS);
export const prefetch = wholeNumber(1, MAX_PREFETCH);
export const count = wholeNumber(1, 1e12);
export const priority = wholeNumber(0, Number.MAX_SAFE_INTEGER);
export const messageId = wholeNumber(1, Number.MAX_SAFE_INTEGER);
export const messageIds = listOf(messageId, 'a list of message ids');
export const messageSize = size(MAX_MESSAGE_BYTES);
export const storeSize = size(MAX_STORE_BYTES);
export const maxMessages = wholeNumber(1, 1e12);
/** Attempts of one message. */
export const MAX_ATTEMPTS = 1e6;
export const maxAttempts = wholeNumber(1, MAX_ATTEMPTS);
export const maxReleases = wholeNumber(0, 1e6);
/** Messages of a queue that are being handled. */
export const concurrency = wholeNumber(1, 1e6);
/** Of a pause. */
export const jitter = fraction;
/** How long the first message of a batch waits for others, if nobody says; ms. */
export const DEFAULT_LINGER_MS = 1000;
/** Of a program (exit(3)). */
export const exitCode = wholeNumber(0, 255);
/** Messages or bytes that are requested. */
export const amount = wholeNumber(0, Number.MAX_SAFE_INTEGER);
/** A time to wait for something, so it cannot be zero. */
export const wait = duration();
/** `0s` means at once. */
export const pause = duration({ zero: true });
