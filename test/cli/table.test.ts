import assert from 'node:assert/strict';
import { it } from 'node:test';
import { table } from '../../src/cli/table.ts';

it('table aligns text to the left and numbers to the right, without space at the end', () => {
  const rows = [
    ['QUEUE', 'READY', ''],
    ['default', 10, ''],
    ['q', 5, 'paused'],
  ];
  assert.equal(
    table(rows),
    ['QUEUE    READY', 'default     10', 'q            5  paused', ''].join('\n'),
  );
});

it('table takes a column of which one is no number for text', () => {
  assert.equal(table([['A'], [100], ['x']]), 'A\n100\nx\n');
});

it('table shows a title without rows, and nothing for nothing', () => {
  assert.equal(table([['A', 'B']]), 'A  B\n');
  assert.equal(table([]), '');
});
