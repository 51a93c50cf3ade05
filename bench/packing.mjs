// What packing makes of messages like users': bytes each, on the wire's side of it, and µs of the CPU a byte, both ways.
//   node bench/packing.mjs [MESSAGES]     (3000)
import { brotliCompressSync, constants } from 'node:zlib';
import { Packer, Unpacker } from '../dist/src/link/model.js';
import { bodies } from './payloads.mjs';

const count = Number(process.argv[2] ?? 3000);
/** @type {import('./payloads.mjs').Kind[]} */
const KINDS = ['job', 'order', 'log', 'short'];
/** Messages in a frame. */
const GROUPS = [1, 16, 64, 256];

/** @param {Buffer[]} texts @param {(text: Buffer) => number} sizeOf */
function measured(texts, sizeOf) {
  const began = performance.now();
  const bytes = texts.reduce((sum, text) => sum + sizeOf(text), 0);
  const given = texts.reduce((sum, text) => sum + text.length, 0);
  return { each: bytes / count, usPerByte: ((performance.now() - began) * 1000) / given };
}

/** There and back. */
function byModel() {
  const packer = new Packer();
  const unpacker = new Unpacker();
  return (/** @type {Buffer} */ text) => {
    const packed = packer.pack(text);
    if (!packed) return text.length;
    if (!unpacker.unpack(packed, text.length))
      throw new Error('the two ends have learned something else');
    return packed.bytes.length;
  };
}

const byBrotli = (/** @type {number} */ quality) => (/** @type {Buffer} */ text) => {
  const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
  return Math.min(brotliCompressSync(text, { params }).length, text.length);
};

for (const kind of KINDS) {
  const messages = bodies(kind, count).map(String);
  const bytes = messages.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  console.log(`${kind}: ${(bytes / count).toFixed(1)} bytes each`);
  for (const size of GROUPS) {
    const texts = [];
    for (let at = 0; at < count; at += size)
      texts.push(Buffer.from(messages.slice(at, at + size).join('\n')));
    const results = { model: byModel(), 'brotli 5': byBrotli(5), 'brotli 11': byBrotli(11) };
    const row = Object.entries(results).map(([by, sizeOf]) => {
      const { each, usPerByte } = measured(texts, sizeOf);
      return `${by} ${each.toFixed(1)} (${usPerByte.toFixed(2)} µs/byte)`;
    });
    console.log(`  in groups of ${String(size).padStart(4)}:  ${row.join('   ')}`);
  }
}
