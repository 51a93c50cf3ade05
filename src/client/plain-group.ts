import type { Entry } from '../codec/batch.ts';
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
  messages: readonly Entry[],
  { onProgress }: Pick<SendOptions, 'onProgress'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { fields, body } of messages) {
    if (Object.keys(fields).length > 0) throw producerErrors.plainOptions();
    if (body.includes(0)) throw producerErrors.zeroForPlain();
  }
  await endpoint.exclusively(async () => {
    for (const { body } of messages) {
      await endpoint.sendPlain(broker, body, { signal, onProgress });
    }
  }, signal);
}
