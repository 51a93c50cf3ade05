/**
 * Closes what is open when `signal` aborts.
 * @param onError hears that it could not be closed
 * @returns forgets the signal: call it when it is closed, or a signal that outlives it would keep it
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
