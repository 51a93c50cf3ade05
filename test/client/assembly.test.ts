import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Assembly } from '../../src/client/assembly.ts';
import { Reason } from '../../src/codec/reason.ts';
import { MAX_REPLY_BYTES, type Part } from '../../src/link/request.ts';
import { utf8 } from '../codec/vectors.ts';

const part = (text: string, offset: number, total = 6, unpacked?: number): Part => ({
  ...{ number: 1, bytes: utf8(text), offset, total, unpacked },
});

function textOf(assembly: Assembly): string | undefined {
  return assembly.whole && Buffer.from(assembly.whole.bytes).toString();
}

describe('Assembly', () => {
  it('puts parts together in order, and takes each once', () => {
    const assembly = new Assembly();
    assert.equal(textOf(assembly), undefined);
    for (const [text, offset, verdict] of [
      ['ab', 0, 0],
      ['ab', 0, 0],
      ['ef', 4, Reason.Unknown],
      ['cd', 2, 0],
      ['ab', 0, 0],
      ['ef', 4, 0],
    ] as const) {
      assert.equal(assembly.add(part(text, offset)), verdict, `${text} at ${offset}`);
    }
    assert.equal(textOf(assembly), 'abcdef');
  });

  it('believes the first part what the whole is', () => {
    const assembly = new Assembly();
    assert.equal(assembly.add(part('ab', 0, 4, 10)), 0);
    assert.equal(assembly.add(part('cd', 2, 5)), Reason.Unknown);
    assert.equal(assembly.add(part('cde', 2, 4)), Reason.Unknown);
    assert.equal(assembly.add(part('', 2, 4)), Reason.Unknown);
    assert.equal(assembly.add(part('cd', 2, 4)), 0);
    assert.equal(assembly.whole?.unpacked, 10);
  });

  it('takes nothing that is too large, packed or not', () => {
    const assembly = new Assembly();
    assert.equal(assembly.add(part('a', 0, MAX_REPLY_BYTES + 1)), Reason.TooLarge);
    assert.equal(assembly.add(part('a', 0, 2, MAX_REPLY_BYTES + 1)), Reason.TooLarge);
    assert.equal(assembly.whole, undefined);
  });

  it('never has more than it was told, whatever comes', () => {
    const any = fc.record({
      number: fc.constant(1),
      bytes: fc.uint8Array({ maxLength: 5 }),
      offset: fc.nat({ max: 8 }),
      total: fc.nat({ max: 8 }),
      unpacked: fc.option(fc.nat(), { nil: undefined }),
    });
    const property = fc.property(fc.array(any, { maxLength: 30 }), (parts) => {
      const assembly = new Assembly();
      for (const part of parts) assembly.add(part);
      const { whole } = assembly;
      assert.ok(!whole || whole.bytes.length <= 8);
    });
    fc.assert(property);
  });
});
