import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Follower } from '../../../src/cli/scope/follower.ts';
import { OutputFile } from '../../../src/cli/scope/output-file.ts';
import { Recorder } from '../../../src/cli/scope/recorder.ts';
import { titleOf } from '../../../src/cli/scope/recording.ts';
import { scope } from '../../../src/cli/scope.ts';
import { tempDir } from '../../registry/children.ts';
import { recordingOf } from './pulses.ts';

const PULSE = { kind: 'bit', signal: 0, pid: 1 } as const;

describe('the files of recordings and pictures', () => {
  it('a directory cannot be read', (t) => {
    assert.throws(() => new Follower(tempDir(t)).read(), { code: 'cannot-read' });
  });

  it('a picture does not take the place of its recording, whatever its name', async (t) => {
    const dir = tempDir(t);
    const [vcd, other] = ['a.vcd', 'b.svg'].map((name) => join(dir, name)) as [string, string];
    const info = new Map([['by', 'send']]);
    const recorder = new Recorder({ vcd }, info);
    recorder.add(0, PULSE);
    recorder.close();
    linkSync(vcd, other);
    const before = readFileSync(vcd, 'utf8');
    t.mock.method(process.stderr, 'write', () => true);
    assert.equal(await scope(vcd, { svg: other, force: true }), 64);
    assert.equal(readFileSync(vcd, 'utf8'), before);
    assert.throws(() => new Recorder({ vcd, svg: other, force: true }, info), {
      code: 'same-file',
    });
  });

  it('a file that is there is kept, unless it is to be overwritten', async (t) => {
    const dir = tempDir(t);
    const [vcd, svg] = ['a.vcd', 'a.svg'].map((name) => join(dir, name)) as [string, string];
    const info = new Map();
    writeFileSync(svg, 'kept');
    const refusal = { code: 'recording-exists', exitCode: 73 };
    assert.throws(() => new Recorder({ vcd, svg }, info), refusal);
    assert.equal(existsSync(vcd), false);
    const recorder = new Recorder({ vcd, svg, force: true }, info);
    recorder.add(0, PULSE);
    recorder.close();
    const before = readFileSync(vcd, 'utf8');
    assert.match(readFileSync(svg, 'utf8'), /^<svg/);
    assert.throws(() => new Recorder({ vcd }, info), refusal);
    assert.equal(readFileSync(vcd, 'utf8'), before);
    t.mock.method(process.stderr, 'write', () => true);
    writeFileSync(svg, 'kept');
    assert.equal(await scope(vcd, { svg }), 73);
    assert.equal(readFileSync(svg, 'utf8'), 'kept');
    assert.equal(await scope(vcd, { svg, force: true }), 0);
    assert.match(readFileSync(svg, 'utf8'), /^<svg/);
  });

  it('nothing stays when there was no signal', (t) => {
    const dir = tempDir(t);
    new Recorder({ vcd: join(dir, 'a.vcd'), svg: join(dir, 'a.svg') }, new Map()).close();
    assert.deepEqual(readdirSync(dir), []);
  });

  it('a pipe is recorded to while somebody reads it', (t) => {
    const fifo = join(tempDir(t), 'fifo');
    execFileSync('mkfifo', [fifo]);
    for (const flags of [{ vcd: fifo }, { svg: fifo }, { vcd: fifo, force: true }])
      assert.throws(() => new Recorder(flags, new Map()), {
        exitCode: 73,
        message: /nobody reads/,
      });
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    t.after(() => closeSync(reader));
    const recorder = new Recorder({ vcd: fifo }, new Map());
    const buffer = Buffer.alloc(1 << 16);
    const read = () => buffer.toString('latin1', 0, readSync(reader, buffer));
    assert.match(read(), /\$enddefinitions/);
    recorder.add(0, PULSE);
    recorder.close();
    assert.match(read(), /^1a$/m);
  });

  it('a pipe whose reader takes nothing more ends the recording', (t) => {
    const fifo = join(tempDir(t), 'fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    t.after(() => closeSync(reader));
    const file = new OutputFile(fifo, false);
    t.after(() => file.close());
    assert.throws(() => file.write('x'.repeat(1 << 20)), { message: /takes nothing more/ });
  });

  it('both may go to the same device', () => {
    new Recorder({ vcd: '/dev/null', svg: '/dev/null' }, new Map()).close();
  });

  it('the title says that it is not all', () => {
    const recording = { ...recordingOf([0x68]), isCut: true };
    assert.match(titleOf(recording), /^the first 16 signals/);
  });
});
