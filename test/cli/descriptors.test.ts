import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isStdoutClosed, type Opened } from '../../src/cli/descriptors.ts';

const BOTH = '/dev/null for reading and writing';

describe('isStdoutClosed', () => {
  const cases: [
    what: string,
    stdin: Opened,
    stdout: Opened,
    parent: string,
    parents: Opened,
    expected: boolean,
  ][] = [
    ['a terminal', 'other', 'other', 'bash', 'other', false],
    ['>/dev/null', 'other', '/dev/null', 'bash', 'other', false],
    ['>&-', 'other', BOTH, 'bash', 'other', true],
    ['>&- </dev/null', '/dev/null', BOTH, 'dash', 'other', true],
    ['>&- around it', '/dev/null', BOTH, 'timeout', 'closed', true],
    ['a shell whose output nobody wants', 'other', BOTH, 'sh', BOTH, false],
    ['exec >&-', 'other', BOTH, 'python3.11', 'other', true],
    ["stdio: ['ignore', 'ignore', 'pipe']", '/dev/null', BOTH, 'node', 'other', false],
    ['a daemon', BOTH, BOTH, 'systemd', BOTH, false],
  ];
  for (const [what, stdin, stdout, parent, parents, expected] of cases) {
    it(what, () => {
      const opened = (pid: number | 'self', fd: number) => {
        if (pid !== 'self') return parents;
        return fd === 0 ? stdin : stdout;
      };
      assert.equal(isStdoutClosed({ opened, parent: () => parent }), expected);
    });
  }
});
