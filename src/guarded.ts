/**
 * Makes a function that timers, watchers and signals may call: what it throws goes to `onError`, and never to the
 * event loop, which would end the process.
 */
export function guarded<A extends readonly unknown[]>(
  work: (...args: A) => void,
  onError: (error: unknown) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      work(...args);
    } catch (error) {
      onError(error);
    }
  };
}
