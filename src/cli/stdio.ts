/** The descriptors that every program starts with. */
export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** Pause before writing again when the reader of a non-blocking stdout is slow; ms. */
export const SLOW_READER_MS = 10;
