import { seqOf } from '../codec/envelope.ts';
import { acceptsOf, messagesFrame } from '../link/messages.ts';
import { Packer } from '../link/model.ts';
import { sendOneFrame } from '../link/one-frame.ts';
import { findBroker } from '../registry/broker-file.ts';
import { processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { loadAddon } from '../signals/addon.ts';
import { fieldsOf } from './send-options.ts';

/** On the wire for some 75 ms at most: who sends more may want to see how it goes; bytes. */
const MAX_BYTES = 4096;

export interface ShortMessage {
  /** Runtime directory; default: as on the command line. */
  readonly dir?: string | undefined;
  readonly queue?: string | undefined;
  readonly body: Uint8Array;
}

/**
 * Sends the only message of this process to a broker that is there. When it fails, a {@link Producer} of this process
 * may send the same message as its first one: that is under the same number, so it is stored once.
 * @returns false: it is not known to be accepted
 * @throws SigmqError: likewise
 */
export function sendShort({ dir, queue, body }: ShortMessage): boolean {
  if (body.length === 0 || body.length > MAX_BYTES) return false;
  const table = processTable();
  const path = openRuntimeDir({ dir, env: process.env, create: false });
  const target = findBroker(path, table);
  const { kind, maxMessageBytes = 0, accepts } = target;
  if (kind !== 'echo' || body.length > maxMessageBytes) return false;
  const { addon } = loadAddon();
  if (!addon) return false;
  const how = acceptsOf(accepts);
  const content = { fields: fieldsOf({ queue }), entries: [{ fields: {}, body }] };
  const learned = how.model ? { packer: new Packer() } : {};
  const frame = messagesFrame(seqOf(0), content, how, learned);
  return sendOneFrame({ dir: path, addon, table, target, frame });
}
