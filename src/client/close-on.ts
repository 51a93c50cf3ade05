import { warn } from '../warning.ts';

/** Closes what is open when `signal` is aborted; that it could not be closed is a warning of the process. */
export function closeOn(signal: AbortSignal | undefined, open: { close(): Promise<void> }): void {
  signal?.addEventListener('abort', () => void open.close().catch(warn), { once: true });
}
