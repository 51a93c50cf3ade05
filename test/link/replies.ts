import assert from 'node:assert/strict';
import { Assembly } from '../../src/client/assembly.ts';
import { decodeFrame, type Envelope } from '../../src/codec/envelope.ts';
import { unpack } from '../../src/link/brotli.ts';
import { type Note, partOf, replyOf } from '../../src/link/request.ts';

export function opened(frame: Uint8Array): Envelope {
  assert.equal(frame.at(-1), 0);
  const decoded = decodeFrame(frame.subarray(0, -1));
  assert.ok(decoded.kind === 'envelope');
  return decoded.envelope;
}

/** The replies in frames, which may be whole or in parts, of several requests at once; by their ends. */
export async function repliesIn(frames: readonly Uint8Array[]): Promise<Note[]> {
  const replies: Note[] = [];
  const assemblies = new Map<number, Assembly>();
  for (const envelope of frames.map(opened)) {
    const part = partOf(envelope);
    if (!part) {
      replies.push(replyOf(envelope) ?? assert.fail('no reply'));
      continue;
    }
    const assembly = assemblies.get(part.number) ?? new Assembly();
    assemblies.set(part.number, assembly);
    assert.equal(assembly.add(part), 0);
    if (!assembly.whole) continue;
    assemblies.delete(part.number);
    const text = Buffer.from(await unpack(assembly.whole)).toString();
    replies.push({ number: part.number, content: JSON.parse(text) });
  }
  return replies;
}
