import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { numberOf, Producers } from '../../src/broker/producers.ts';
import { seqOf } from '../../src/codec/envelope.ts';

describe('numberOf', () => {
  const frame = (number: number, fields = {}) => ({
    ...{ seq: seqOf(number), fields },
    ...{ body: new Uint8Array(), control: false },
  });
  const numbers = fc.nat({ max: 1e6 });

  it('believes what a frame says, and knows the first one of all', () => {
    const property = fc.property(
      numbers,
      fc.option(numbers, { nil: undefined }),
      (number, next) => {
        assert.equal(numberOf(frame(number, { number }), next), number);
        assert.equal(numberOf(frame(0), next), 0);
      },
    );
    fc.assert(property);
  });

  it('knows the one that is next, and no other that it could be taken for', () => {
    const property = fc.property(numbers, fc.nat({ max: 300 }), (next, ahead) => {
      const number = next + 1 + ahead;
      assert.equal(numberOf(frame(next), next), next);
      const taken = numberOf(frame(number), next);
      assert.equal(taken, seqOf(number) === seqOf(next) ? next : undefined);
      if (number > 0) assert.equal(numberOf(frame(number), undefined), undefined);
    });
    fc.assert(property);
  });
});

describe('Producers', () => {
  const producer = { pid: 70, start: 500 };

  it('names a process for ever', () => {
    const names = [
      new Producers('boot1').name(producer),
      new Producers('boot2').name(producer),
      new Producers('boot1').name({ pid: 70, start: 501 }),
      new Producers('boot1').name({ pid: 71, start: 500 }),
    ];
    assert.equal(new Set(names).size, names.length);
    assert.equal(new Producers('boot1').name(producer), names[0]);
  });

  it('keeps 4096, and forgets the one that it heard of longest ago', () => {
    const producers = new Producers('b');
    for (let n = 0; n < 4096; n++) producers.add(`p${n}`, n);
    producers.get('p0');
    producers.add('one more', undefined);
    assert.equal(producers.get('p1'), undefined);
    assert.equal(producers.get('p0')?.last, 0);
    assert.equal(producers.get('p2')?.last, 2);
  });
});
