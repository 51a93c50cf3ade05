import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { pack, unpack } from '../../src/link/packed.ts';

describe('packed', () => {
  it('is what is smaller that way, and comes back as it was', async () => {
    const text = Buffer.from('{"queue":"user"}'.repeat(1000));
    const packed = await pack(text);
    assert.equal(packed.unpacked, text.length);
    assert.ok(packed.bytes.length * 20 < text.length);
    assert.deepEqual(Buffer.from(await unpack(packed)), text);
  });

  for (const [what, bytes] of [
    ['short', Buffer.from('x'.repeat(50))],
    ['random', randomBytes(2000)],
    ['empty', Buffer.alloc(0)],
  ] as const) {
    it(`is not what is ${what}`, async () => {
      const packed = await pack(bytes);
      assert.equal(packed.unpacked, undefined);
      assert.deepEqual(Buffer.from(await unpack(packed)), bytes);
    });
  }

  it('is never unpacked to more than it says, nor to less', async () => {
    const bytes = brotliCompressSync(Buffer.alloc(1 << 26));
    await assert.rejects(unpack({ bytes, unpacked: 1000 }), { code: 'ERR_BUFFER_TOO_LARGE' });
    await assert.rejects(
      unpack({ bytes: brotliCompressSync(Buffer.alloc(9)), unpacked: 10 }),
      /shorter/,
    );
    await assert.rejects(unpack({ bytes: Buffer.from('junk'), unpacked: 10 }));
  });
});
