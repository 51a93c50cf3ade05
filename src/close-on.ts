/**
 * Closes something when `signal` aborts.
 * @param onError called if it could not be closed
 * @returns forgets the signal: call it once the thing is closed, or a signal that outlives it would keep it in
 * memory
 */
export function closeOn(
  signal: AbortSignal | undefined,
  open: { close(): Promise<void> },
  onError: (error: unknown) => void,
): () => void {
  const close = () => void open.close().catch(onError);
  signal?.addEventListener('abort', close, { once: true });
  return () => signal?.removeEventListener('abort', close);
}
