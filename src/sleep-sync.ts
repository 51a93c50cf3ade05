const never = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps, and lets no other work of this thread run meanwhile. @param ms also a fraction of one */
export function sleepSync(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
