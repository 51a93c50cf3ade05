import type { Stored } from '../queue/inspection.ts';
import { bodyOf } from '../queue/paged-peek.ts';
import { adminErrors } from './admin-errors.ts';
import type { Backend } from './backend.ts';
import { print } from './output.ts';
import { visible } from './visible.ts';

/**
 * Prints the body of a message as it arrives, without keeping it: byte for byte, but with escapes on a terminal.
 * @throws SigmqError went-away
 */
export async function printBody(backend: Backend, message: Stored): Promise<void> {
  const { isTTY } = process.stdout;
  // A slice may end in the middle of a character.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let printed = 0;
  for await (const slice of bodyOf(backend, message.queue, message)) {
    print(isTTY ? visible(decoder.decode(slice, { stream: true })) : slice);
    printed += slice.length;
  }
  if (isTTY) print(`${visible(decoder.decode())}\n`);
  if (printed < message.bytes) throw adminErrors.wentAway(message.id, message.queue);
}
