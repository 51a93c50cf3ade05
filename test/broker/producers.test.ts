import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isRepeat, Producers } from '../../src/broker/producers.ts';

describe('isRepeat', () => {
  it('is true of the last number and of the 63 before it', () => {
    const anySeq = fc.nat({ max: 127 });
    const property = fc.property(anySeq, anySeq, (last, seq) => {
      const behind = Array.from({ length: 64 }, (_, n) => (last + 128 - n) % 128);
      assert.equal(isRepeat(seq, last), behind.includes(seq));
    });
    fc.assert(property);
  });

  it('is false of everything from a producer of which nothing is known', () => {
    for (const seq of [0, 1, 64, 127]) assert.equal(isRepeat(seq, undefined), false);
  });
});

describe('Producers', () => {
  const producer = { pid: 70, start: 500 };

  it('names a process and its epoch for ever', () => {
    const names = [
      new Producers('boot1').name(producer),
      new Producers('boot2').name(producer),
      new Producers('boot1').name(producer, 1),
      new Producers('boot1').name(producer, 2),
      new Producers('boot1').name({ pid: 70, start: 501 }),
      new Producers('boot1').name({ pid: 71, start: 500 }),
    ];
    assert.equal(new Set(names).size, names.length);
    assert.equal(new Producers('boot1').name(producer, 0), names[0]);
  });

  it('knows the epoch that a process used last', () => {
    const producers = new Producers('b');
    assert.equal(producers.newest(producer), undefined);
    const first = producers.add(producers.name(producer), undefined);
    const second = producers.add(producers.name(producer, 1), 5);
    producers.add(producers.name({ pid: 70, start: 5001 }), undefined); // begins alike
    assert.equal(producers.newest(producer), second);
    producers.get(first.process);
    assert.equal(producers.newest(producer), first);
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
