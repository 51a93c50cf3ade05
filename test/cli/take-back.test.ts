import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { takeBack } from '../../src/cli/take-back.ts';
import { tempDir } from '../registry/children.ts';

describe('takeBack', () => {
  for (const flag of ['a', 'w']) {
    it(`takes the end of a file off again (${flag}), and the next write follows`, (t) => {
      const path = join(tempDir(t), 'file');
      const fd = openSync(path, flag);
      writeSync(fd, 'kept\nhalf');
      assert.equal(takeBack(fd, Buffer.from('half')), true);
      assert.equal(takeBack(fd, Buffer.alloc(0)), true);
      writeSync(fd, 'next\n');
      closeSync(fd);
      assert.equal(readFileSync(path, 'utf8'), 'kept\nnext\n');
    });
  }

  it('leaves it when somebody else has written behind it', (t) => {
    const path = join(tempDir(t), 'file');
    const fd = openSync(path, 'a');
    writeSync(fd, 'half');
    appendFileSync(path, 'theirs');
    assert.equal(takeBack(fd, Buffer.from('half')), false);
    assert.equal(takeBack(fd, Buffer.from('much more than there is')), false);
    closeSync(fd);
    assert.equal(readFileSync(path, 'utf8'), 'halftheirs');
  });
});
