import { DEFAULT_QUEUE } from '../codec/fields.ts';
import type { Endpoint } from '../link/endpoint.ts';
import type { BrokerFound } from '../registry/broker-file.ts';
import { producerErrors } from './errors.ts';
import type { SendOptions } from './send-options.ts';

/**
 * Sends messages to a plain broker, or from a plain process, in one hold of the bus.
 * @throws SigmqError plain-broker, zero-byte; LinkError; the reason of `signal`
 */
export async function sendPlainGroup(
  endpoint: Endpoint,
  broker: BrokerFound,
  bodies: readonly Uint8Array[],
  options: SendOptions,
  signal: AbortSignal,
): Promise<void> {
  assertPlain(bodies, options);
  await endpoint.exclusively(async () => {
    for (const body of bodies) {
      await endpoint.sendPlain(broker, body, { signal, onProgress: options.onProgress });
    }
  }, signal);
}

function assertPlain(bodies: readonly Uint8Array[], options: SendOptions): void {
  const { queue = DEFAULT_QUEUE, priority = 0, delayMs = 0, ttlMs, headers = [] } = options;
  if (
    queue !== DEFAULT_QUEUE ||
    priority !== 0 ||
    delayMs !== 0 ||
    ttlMs !== undefined ||
    headers.length > 0
  ) {
    throw producerErrors.plainOptions();
  }
  if (bodies.some((body) => body.includes(0))) throw producerErrors.zeroForPlain();
}
