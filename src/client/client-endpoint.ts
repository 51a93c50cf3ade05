import { maxFrameBytes } from '../codec/limits.ts';
import { Endpoint, type Receiver } from '../link/endpoint.ts';
import type { ProcessTable } from '../registry/process-info.ts';

/** The largest message that a client accepts; below that the broker decides what it accepts; bytes. */
export const MAX_RECEIVED_BYTES = 64 << 20;

/** The endpoint of a producer (no receiver) or a consumer. */
export function openClientEndpoint(
  dir: string,
  table: ProcessTable,
  receiver?: Receiver,
): Endpoint {
  const limit = maxFrameBytes(MAX_RECEIVED_BYTES);
  return Endpoint.open({ dir, table, maxFrameBytes: limit, ...(receiver && { receiver }) });
}
