import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { pack, packSync, unpack, unpackSync } from '../../src/link/brotli.ts';

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

  it('is the same at once or by a thread', async () => {
    for (const text of [Buffer.from('a list, '.repeat(200)), randomBytes(500), Buffer.alloc(0)]) {
      const packed = packSync(text);
      assert.deepEqual(packed, await pack(text));
      assert.deepEqual(Buffer.from(unpackSync(packed)), text);
      assert.deepEqual(Buffer.from(await unpack(packed)), text);
    }
  });

  it('is not what would hold the bus for too long while it is packed', () => {
    const large = Buffer.alloc((4 << 20) + 1);
    assert.equal(packSync(large).bytes, large);
    assert.ok(packSync(large.subarray(1)).bytes.length < 1000);
  });

  it('is not unpacked at once to more than it says, nor to less', () => {
    const bytes = brotliCompressSync(Buffer.alloc(1 << 26));
    assert.throws(() => unpackSync({ bytes, unpacked: 1000 }), { code: 'ERR_BUFFER_TOO_LARGE' });
    assert.throws(() => unpackSync({ bytes, unpacked: 0 }), { code: 'ERR_BUFFER_TOO_LARGE' });
    const nine = brotliCompressSync(Buffer.alloc(9));
    assert.throws(() => unpackSync({ bytes: nine, unpacked: 10 }), /shorter/);
    assert.throws(() => unpackSync({ bytes: Buffer.from('junk'), unpacked: 10 }));
  });
});
