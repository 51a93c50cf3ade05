import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callersOpenFiles, withOpenFiles } from '../../src/cli/open-files.ts';

const limits = (soft: number | string, hard: number | string) =>
  `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}      ${hard}      files\n`;

describe('callersOpenFiles', () => {
  const cases: [what: string, ours: string, parents: string, expected: number | undefined][] = [
    ['what Node has raised', limits(4096, 4096), limits(1024, 4096), 1024],
    ['nothing to mend', limits(4096, 4096), limits(4096, 4096), undefined],
    ['set in between', limits(2048, 2048), limits(1024, 4096), undefined],
    ['a parent that is gone', limits(4096, 4096), '', undefined],
    ['no /proc', '', '', undefined],
  ];
  for (const [what, ours, parents, expected] of cases) {
    it(what, () => {
      const read = (pid: number | 'self') => (pid === 'self' ? ours : parents);
      assert.equal(callersOpenFiles(read), expected);
    });
  }
});

describe('withOpenFiles', () => {
  it('sets the limit for the length of a call, also of one that fails', () => {
    const log: number[] = [];
    const addon = { openFiles: (soft: number) => log.push(soft) && 4096 };
    assert.equal(
      withOpenFiles(1024, () => 'started', addon),
      'started',
    );
    assert.throws(() => {
      withOpenFiles(
        256,
        () => {
          throw new Error('no');
        },
        addon,
      );
    });
    assert.deepEqual(log, [1024, 4096, 256, 4096]);
    withOpenFiles(undefined, () => 'as it is', addon);
    assert.equal(log.length, 4);
    assert.equal(
      withOpenFiles(1, () => 'no addon', undefined),
      'no addon',
    );
  });
});
