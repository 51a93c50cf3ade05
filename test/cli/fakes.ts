import type { TestContext } from 'node:test';
import { DeliveredMessage, type Message, type MessageContent } from '../../src/client/message.ts';

/** What is written to stderr during a test, and nowhere else. */
export function stderrOf(t: TestContext): () => string {
  let text = '';
  t.mock.method(process.stderr, 'write', (chunk: string) => {
    text += chunk;
    return true;
  });
  return () => text;
}

export function messageOf(body: string | Uint8Array, more: Partial<MessageContent> = {}): Message {
  const content = {
    id: 7,
    queue: 'q',
    attempt: 2,
    releases: 0,
    headers: [],
    isAsked: false,
    ...more,
  };
  return new DeliveredMessage({ ...content, body: Buffer.from(body) }, async () => true);
}
