import assert from 'node:assert/strict';
import { linkSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Follower } from '../../../src/cli/scope/follower.ts';
import { Recorder } from '../../../src/cli/scope/recorder.ts';
import { titleOf } from '../../../src/cli/scope/recording.ts';
import { scope } from '../../../src/cli/scope.ts';
import { tempDir } from '../../registry/children.ts';
import { recordingOf } from './pulses.ts';

describe('the files of recordings and pictures', () => {
  it('a directory cannot be read', (t) => {
    assert.throws(() => new Follower(tempDir(t)).read(), { code: 'cannot-read' });
  });

  it('a picture does not take the place of its recording, whatever its name', async (t) => {
    const dir = tempDir(t);
    const [vcd, other] = ['a.vcd', 'b.svg'].map((name) => join(dir, name)) as [string, string];
    new Recorder({ vcd }, new Map()).close();
    linkSync(vcd, other);
    const info = new Map([['by', 'send']]);
    assert.throws(() => new Recorder({ vcd, svg: other }, info), { code: 'same-file' });

    const recorder = new Recorder({ vcd }, info);
    recorder.add(0, { kind: 'bit', signal: 0, pid: 1 });
    recorder.close();
    const before = readFileSync(vcd, 'utf8');
    t.mock.method(process.stderr, 'write', () => true);
    assert.equal(await scope(vcd, { svg: other }), 64);
    assert.equal(readFileSync(vcd, 'utf8'), before);
  });

  it('both may go to the same device', () => {
    new Recorder({ vcd: '/dev/null', svg: '/dev/null' }, new Map()).close();
  });

  it('the title says that it is not all', () => {
    const recording = { ...recordingOf([0x68]), isCut: true };
    assert.match(titleOf(recording), /^the first 16 signals/);
  });
});
