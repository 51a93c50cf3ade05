import type { TestContext } from 'node:test';
import type { Message } from '../../src/client/consumer.ts';

/** What is written to stderr during a test, and nowhere else. */
export function stderrOf(t: TestContext): () => string {
  let text = '';
  t.mock.method(process.stderr, 'write', (chunk: string) => {
    text += chunk;
    return true;
  });
  return () => text;
}

export function messageOf(body: string | Uint8Array, more: Partial<Message> = {}): Message {
  return {
    ...{ body: Buffer.from(body), id: 7, queue: 'q', attempt: 2, releases: 0, headers: [] },
    extend: async () => true,
    ...more,
  };
}
