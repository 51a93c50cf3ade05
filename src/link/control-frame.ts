import { encodeEnvelope } from '../codec/envelope.ts';
import type { MessageFields } from '../codec/fields.ts';
import { SignalCodec } from '../codec/signal-codec.ts';

/**
 * A frame that is no message, with its zero byte. Taking it twice does no harm, so that its sequence
 * number means nothing.
 */
export function controlFrame(body: Uint8Array, fields: MessageFields): Uint8Array {
  return SignalCodec.encode(encodeEnvelope({ seq: 0, body, control: true, fields }));
}
