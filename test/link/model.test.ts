import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_PACKED_BYTES, type ModelPacked, Packer, Unpacker } from '../../src/link/model.ts';
import { Coding, loadAddon } from '../../src/signals/addon.ts';

const MAX = 1 << 20;
const { addon } = loadAddon();
const skip = addon ? false : 'no addon';
const KINDS = Object.values(Coding);

const job = (n: number) =>
  `{"id":${1000 + 7 * n},"kind":"${['email', 'resize', 'invoice'][n % 3]}","user":"u${(n * 7919) % 1000}@example.com"}`;
/** So many jobs from the n-th on. */
const jobs = (n: number, count = 1) =>
  Buffer.from(Array.from({ length: count }, (_, at) => job(n + at)).join('\n'));
const bytesOf = (text: unknown) => Buffer.from(text as Uint8Array);

/** Both ends, and a way to let a text go from one to the other. */
function given() {
  const packer = new Packer();
  const unpacker = new Unpacker();
  const pack = (text: Uint8Array): ModelPacked => packer.pack(text) ?? assert.fail('not packed');
  const pass = (text: Uint8Array) => {
    const packed = pack(text);
    assert.deepEqual(bytesOf(unpacker.unpack(packed, MAX)), bytesOf(text));
    return packed.bytes.length;
  };
  return { packer, unpacker, pack, pass };
}

describe('what is packed', { skip }, () => {
  it('takes fewer bytes the more of its kind went before', () => {
    const { pass } = given();
    const first = pass(jobs(0, 10));
    let last = 0;
    for (let n = 10; n < 300; n++) last = pass(jobs(n));
    assert.ok(first < jobs(0, 10).length / 2, `${first} bytes for ten`);
    assert.ok(last < jobs(299).length / 5, `${last} bytes for one`);
  });

  it('may be packed ahead, or else is packed anew', () => {
    const { packer, unpacker, pass } = given();
    pass(jobs(0, 10));
    packer.packAhead(jobs(10, 10));
    const ahead = pass(jobs(10, 10));
    const stepOf = (text: Uint8Array) =>
      (packer.pack(text) ?? assert.fail('not packed')).packed & 63;
    // Something else comes after all: the receiver has not learned what was packed ahead.
    packer.packAhead(jobs(20, 10));
    assert.ok(pass(jobs(30, 10)) > ahead);
    // It was refused.
    packer.packAhead(jobs(40, 10));
    packer.reset();
    assert.equal(stepOf(jobs(40, 10)), 0);
    packer.packAhead(jobs(50, 10));
    packer.packAhead(jobs(60, 10));
    assert.equal(stepOf(jobs(60, 10)), 0);
    packer.packAhead(Buffer.from('short'));
    assert.equal(packer.pack(Buffer.from('short')), undefined);
    assert.equal(stepOf(jobs(70, 10)), 1);
    unpacker.reset();
  });

  it('comes back as it was, whatever it is and in whatever parts', () => {
    const text = fc.oneof(
      fc.uint8Array({ minLength: 400, maxLength: 2000 }),
      fc.string({ minLength: 400, maxLength: 2000 }).map((text) => Buffer.from(text)),
      fc
        .array(fc.constantFrom('"', ':', ',', '{', '[', ' ', '\n', '\0', 'a', 'é'), {
          minLength: 400,
          maxLength: 900,
        })
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), (texts) => {
        const { packer, unpacker } = given();
        for (const text of texts) {
          const packed = packer.pack(text);
          if (packed) assert.deepEqual(bytesOf(unpacker.unpack(packed, MAX)), bytesOf(text));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is not what is short, large, or has no pattern', () => {
    const { packer } = given();
    for (const text of [Buffer.alloc(0), jobs(0), randomBytes(600), randomBytes(60_000)]) {
      assert.equal(packer.pack(text), undefined, String(text.length));
    }
    assert.equal(packer.pack(Buffer.alloc(MAX_PACKED_BYTES + 1)), undefined);
    assert.ok(packer.pack(Buffer.alloc(MAX_PACKED_BYTES)));
    assert.ok(packer.pack(jobs(0)), 'what has begun goes on with less');
    assert.equal(packer.pack(Buffer.from('too short')), undefined);
  });

  it('begins when there was enough of what is short', () => {
    const { packer } = given();
    let bytes = 0;
    for (let n = 0; bytes + jobs(n).length < 200; n++) {
      assert.equal(packer.pack(jobs(n)), undefined);
      bytes += jobs(n).length;
    }
    assert.ok(packer.pack(jobs(99)));
  });

  it('is not opened by who has missed one before, has seen one twice, or has begun anew', () => {
    const { unpacker, pack, pass, packer } = given();
    pass(jobs(0, 10));
    pack(jobs(10)); // lost
    assert.equal(unpacker.unpack(pack(jobs(11)), MAX), undefined);
    packer.reset();
    pass(jobs(12, 10));
    const twice = pack(jobs(13));
    assert.ok(unpacker.unpack(twice, MAX));
    assert.equal(unpacker.unpack(twice, MAX), undefined);
    packer.reset();
    pass(jobs(0, 10));
    unpacker.reset();
    assert.equal(unpacker.unpack(pack(jobs(1)), MAX), undefined);
  });

  it('is not believed when both ends have learned something else in as many frames', () => {
    const { unpacker, pack, packer } = given();
    for (let step = 1; step <= 64; step++) {
      const other = new Packer();
      unpacker.reset();
      packer.reset();
      let theirs: ModelPacked | undefined;
      for (let n = 0; n <= step % 4; n++) {
        pack(jobs(n, 10));
        theirs = other.pack(jobs(1000 + n, 10));
        if (theirs) unpacker.unpack(theirs, MAX);
      }
      assert.equal(unpacker.unpack(pack(jobs(step, 10)), MAX), undefined);
    }
  });

  it('goes on when steps begin anew, after 63 frames', () => {
    const { pass } = given();
    pass(jobs(0, 10));
    for (let n = 0; n < 200; n++) pass(jobs(n));
  });

  it('is refused, and not opened, when it says that it is larger than allowed', () => {
    const { unpacker, pack } = given();
    const { bytes, packed } = pack(jobs(0, 10));
    assert.equal(unpacker.unpack({ bytes, packed }, jobs(0, 10).length - 1), 'too-large');
    for (const size of [MAX_PACKED_BYTES + 1, 2 ** 40]) {
      assert.equal(
        unpacker.unpack({ bytes, packed: size * 64 }, Number.MAX_SAFE_INTEGER),
        'too-large',
      );
    }
  });

  it('is nothing else than what was packed: cut, longer, changed, or junk', () => {
    const { pack } = given();
    const text = jobs(0, 10);
    const { bytes, packed } = pack(text);
    const is = (bytes: Uint8Array, as = packed) =>
      new Unpacker().unpack({ bytes, packed: as }, MAX);
    assert.deepEqual(is(bytes), Uint8Array.from(text));
    for (let at = 0; at < bytes.length; at++) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] as number) ^ 0x10;
      // What is left of the last bits means nothing.
      const isLast = at === bytes.length - 3;
      const expected = isLast && is(changed) ? Uint8Array.from(text) : undefined;
      assert.deepEqual(is(changed), expected, `byte ${at}`);
    }
    assert.equal(is(bytes.subarray(0, -1)), undefined);
    assert.equal(is(Buffer.concat([bytes, Buffer.of(1)])), undefined);
    assert.equal(is(bytes, packed + 64), undefined);
    assert.equal(is(bytes, packed + 1), undefined);
    assert.equal(is(new Uint8Array()), undefined);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 2000 }), (junk, size) => {
        const text = new Unpacker().unpack({ bytes: junk, packed: size * 64 }, MAX);
        assert.ok(text === undefined || text.length === size);
      }),
      { numRuns: 100 },
    );
  });

  describe('as it comes', () => {
    /** Both ends after a few texts. */
    const learned = () => {
      const ends = given();
      ends.pass(jobs(0, 20));
      ends.pass(jobs(20, 20));
      return ends;
    };
    const unpacked = ({ unpacker }: ReturnType<typeof given>, packed: ModelPacked) => {
      const text = unpacker.unpack(packed, MAX);
      return text instanceof Uint8Array ? bytesOf(text).toString() : text;
    };
    const pause = () => addon?.exchange(1000, -1);

    it('is unpacked in whatever parts, in the pauses', () => {
      const property = fc.property(
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 9 }),
        fc.boolean(),
        (sizes, pauses) => {
          const ends = learned();
          for (let n = 0; n < 3; n++) {
            const text = jobs(100 + 30 * n, 30);
            const packed = ends.pack(text);
            ends.unpacker.expect(packed.packed);
            for (let at = 0; at < packed.bytes.length; ) {
              const end = at + (sizes[at % sizes.length] as number);
              ends.unpacker.feed(packed.bytes.subarray(at, end));
              if (pauses) pause();
              at = end;
            }
            assert.equal(unpacked(ends, packed), text.toString());
          }
        },
      );
      fc.assert(property, { numRuns: 30 });
    });

    it('may come to its end without having been told of in part', () => {
      const ends = learned();
      const text = jobs(50, 20);
      const packed = ends.pack(text);
      ends.unpacker.feed(packed.bytes);
      ends.unpacker.expect(packed.packed);
      assert.equal(unpacked(ends, packed), text.toString());
    });

    /** What goes wrong once, and is as it was when both have begun anew. */
    for (const [name, spoil] of Object.entries({
      'what was dropped half way': ({ unpacker, pack }) => {
        const first = pack(jobs(50, 20));
        unpacker.expect(first.packed);
        unpacker.feed(first.bytes.subarray(0, 40));
      },
      'what looked like it': ({ unpacker, packer }) => {
        const like = packer.pack(jobs(60, 20)) as ModelPacked;
        unpacker.expect(like.packed);
        unpacker.feed(like.bytes.map((byte) => byte ^ 1));
        pause();
        unpacker.unpack(like, MAX);
      },
      'more than there can be': ({ unpacker }) => {
        unpacker.expect(64 * 30 + 2);
        unpacker.feed(new Uint8Array(1000));
      },
      'more than a model is for': ({ unpacker }) => unpacker.expect(64 * (MAX_PACKED_BYTES + 1)),
      "another sender's": ({ unpacker, pack }) => {
        const mine = pack(jobs(50, 20));
        unpacker.expect(mine.packed);
        const other = new Unpacker();
        other.expect(64 * 100);
        other.feed(new Uint8Array(30));
        pause();
        assert.equal(unpacker.unpack(mine, MAX), undefined);
      },
    } satisfies Record<string, (ends: ReturnType<typeof given>) => void>)) {
      it(`is right or begins anew after ${name}`, () => {
        const ends = learned();
        spoil(ends);
        const text = jobs(200, 20);
        const said = unpacked(ends, ends.pack(text));
        if (said !== text.toString()) assert.equal(said, undefined);
        ends.packer.reset();
        ends.pass(text);
        ends.pass(jobs(220, 20));
      });
    }

    it('is packed in the pauses too, and as well when another packs in between', () => {
      const [mine, other] = [learned(), learned()];
      for (const comesBetween of [false, true]) {
        const text = jobs(300, 20);
        mine.packer.packAhead(text);
        pause();
        if (comesBetween) other.pass(jobs(1, 20));
        mine.packer.packAhead(Uint8Array.from(text)); // the same again
        assert.equal(unpacked(mine, mine.pack(text)), text.toString());
      }
    });
  });

  it('is learned by so many pairs at a time; whose turn was longest ago begins anew', () => {
    const pairs = Array.from({ length: 40 }, given);
    for (const { pass } of pairs) pass(jobs(0, 10));
    const [first] = pairs;
    assert.ok(first);
    /** A step of 0 is a new beginning. */
    const stepOf = (packer: Packer) => (packer.pack(jobs(20, 10))?.packed ?? 0) % 64;
    assert.equal(stepOf(first.packer), 0);
    assert.equal(stepOf(pairs.at(-1)?.packer as Packer), 1);
    for (const { packer, pass } of pairs) {
      packer.reset();
      pass(jobs(30, 10));
    }
  });
});

describe('the addon', { skip }, () => {
  it('packs with nothing that is no model', () => {
    if (!addon) return;
    const { modelBytes } = addon;
    const text = jobs(0);
    const room = new Uint8Array(1000);
    const noModel = [
      new Uint8Array(modelBytes - 1),
      new Uint8Array(modelBytes + 1),
      new Uint8Array(new ArrayBuffer(modelBytes + 1), 1),
      new Uint16Array(modelBytes) as unknown as Uint8Array,
      {} as Uint8Array,
    ];
    for (const model of noModel) {
      for (const kind of KINDS) {
        assert.equal(addon.beginCoding(kind, model, text, room), -1);
        assert.equal(addon.endCoding(kind), -1);
      }
    }
    const model = new Uint8Array(modelBytes);
    assert.equal(addon.beginCoding(2 as Coding, model, text, room), -1);
    assert.equal(addon.beginCoding(Coding.Packing, model, undefined as never, room), -1);
    assert.equal((addon.beginCoding as () => number)(), -1);
    assert.equal((addon.endCoding as () => number)(), -1);
    assert.equal(addon.endCoding(-1 as Coding), -1);
    (addon.feedCoding as () => void)();
    (addon.dropCoding as () => void)();
  });

  const pack = (model: Uint8Array, bytes: Uint8Array, room: Uint8Array): number => {
    addon?.beginCoding(Coding.Packing, model, bytes, room);
    return addon?.endCoding(Coding.Packing) ?? -1;
  };

  it('keeps what it works on, and does no more of what was dropped', () => {
    if (!addon) return;
    const text = jobs(0, 10);
    addon.beginCoding(Coding.Packing, new Uint8Array(addon.modelBytes), text, new Uint8Array(5000));
    globalThis.gc?.();
    addon.exchange(1000, -1); // a pause
    assert.ok(addon.endCoding(Coding.Packing) > 0);
    const model = new Uint8Array(addon.modelBytes);
    addon.beginCoding(Coding.Packing, model, text, new Uint8Array(5000));
    addon.dropCoding(Coding.Packing);
    const before = model.slice();
    addon.exchange(1000, -1);
    assert.deepEqual(model, before);
    assert.equal(addon.endCoding(Coding.Packing), -1);
  });

  it('stays within a model of whatever bytes, and the room that it gets', () => {
    if (!addon) return;
    for (let n = 0; n < 20; n++) {
      const model: Uint8Array = new Uint8Array(randomBytes(addon.modelBytes));
      const room = new Uint8Array(20_000); // 12 bits for each at worst
      const size: number = pack(model, randomBytes(1000), room);
      assert.ok(size > 0 && size < 13_000);
      addon.beginCoding(Coding.Unpacking, model, randomBytes(50), new Uint8Array(1000));
      addon.feedCoding(2 ** 31 - 1);
      assert.equal(addon.endCoding(Coding.Unpacking), 1000);
      assert.equal(pack(model, randomBytes(1000), new Uint8Array(10)), -1);
    }
  });
});
