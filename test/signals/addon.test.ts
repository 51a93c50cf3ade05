import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  lutimesSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Bit } from '../../src/codec/signal-codec.ts';
import { type Addon, Exchange, loadAddon } from '../../src/signals/addon.ts';
import { blockInEveryThread } from '../../src/signals/block-threads.ts';
import { Descriptor } from '../../src/signals/descriptor.ts';
import { Field, Memory } from '../../src/signals/memory.ts';
import { blocker, gonePid, start, tempDir, until } from '../registry/children.ts';

const MODULE = new URL('../../src/signals/addon.js', import.meta.url).href;
const EAGAIN = 11;
const EBADF = 9;
const ESRCH = 3;

it('loadAddon says in another process why there is none', () => {
  const program = `import { loadAddon } from ${JSON.stringify(MODULE)};
console.log(JSON.stringify([loadAddon(), loadAddon() === loadAddon()]));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, SIGMQ_PLAIN: '1' },
  });
  assert.deepEqual(JSON.parse(output.toString()), [{ why: 'SIGMQ_PLAIN=1 is set' }, true]);
});

describe('an addon of another version', { skip: loadAddon().why ?? false }, () => {
  /** What `loadAddon` says where that file exports this. */
  const whyNot = (exported: string) => {
    const program = `import { loadAddon } from ${JSON.stringify(MODULE)};
process.dlopen = (module) => { module.exports = ${exported}; };
console.log(JSON.stringify(loadAddon()));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program]);
    return JSON.parse(output.toString()).why;
  };
  const names = Object.keys(Field).map((name) => name.replace(/\B[A-Z]/g, '_$&').toLowerCase());
  const ours = JSON.stringify([...names, 'run', 'echo'].join(' '));
  const refused = 'the addon and sigmq are of different versions: their memory layouts differ';

  it('is taken when its memory is the same', () => {
    const same = `{ memory: new ArrayBuffer(${Memory.bytes}), layout: ${ours} }`;
    assert.equal(whyNot(same), undefined);
  });

  it('is refused when its memory has another size', () => {
    const larger = `{ memory: new ArrayBuffer(${Memory.bytes + 4}), layout: ${ours} }`;
    assert.equal(whyNot(larger), refused);
  });

  it('is refused when its memory has the same size, but another order', () => {
    const other = ours.replace('answer_pid answer_fd', 'answer_fd answer_pid');
    assert.notEqual(other, ours);
    assert.equal(whyNot(`{ memory: new ArrayBuffer(${Memory.bytes}), layout: ${other} }`), refused);
  });

  it('is refused when it does not say what its memory is like, or has none', () => {
    assert.equal(whyNot(`{ memory: new ArrayBuffer(${Memory.bytes}) }`), refused);
    assert.equal(whyNot('{}'), refused);
  });
});

const { addon: loaded, why } = loadAddon();
const addon = loaded as Addon;

describe('the addon', { skip: why ?? false }, () => {
  const self = process.pid;
  const { fields, run, echo } = new Memory(addon.memory);
  /** After however long a pause, and however often another process has our CPU meanwhile. */
  const exchange: Addon['exchange'] = (...args) => {
    for (;;) {
      addon.clearGap();
      const result = addon.exchange(...args);
      if (result !== Exchange.Gap && result !== Exchange.More) return result;
    }
  };
  const set = (values: Partial<Record<keyof typeof Field, number>>) => {
    for (const [name, value] of Object.entries(values)) {
      fields[Field[name as keyof typeof Field]] = value;
    }
  };
  /** Sends one bit. */
  const send = (pid: number, bit: Bit, fd = -1) => {
    set({ AnswerPid: pid, AnswerFd: fd, Answer: bit });
    return exchange(-1, -1);
  };
  const startRun = (pid: number, fd: number, ...values: number[]) => {
    run.set(values);
    set({ RunPid: pid, RunFd: fd, RunBits: values.length * 8, RunSent: 0, RunEchoed: 0 });
  };

  it('is loaded once', () => {
    assert.equal(loadAddon().addon, addon);
    assert.equal(addon.memory.byteLength, Memory.bytes);
  });

  it('waits until something happens to a file, and for no longer than it is told', (t) => {
    const path = join(tempDir(t), 'file');
    assert.equal(addon.watchFile(path), -1, 'there is no such file');
    writeFileSync(path, '');
    const watch = addon.watchFile(path);
    assert.ok(watch > 2);
    assert.equal(addon.awaitChange(watch, 0), 0);
    lutimesSync(path, 1, 1);
    // It would wait for a minute.
    assert.equal(addon.awaitChange(watch, 60_000), 1);
    assert.equal(addon.awaitChange(watch, 1), 0, 'once for each change');
    unlinkSync(path);
    assert.equal(addon.awaitChange(watch, 60_000), 1);
    closeSync(watch);
    assert.equal(addon.awaitChange(-1, 1), 0);
  });

  it('hands out what is pending, 0 before 1, and says who sent it', () => {
    blockInEveryThread(addon);
    assert.equal(exchange(0, -1), Exchange.None);
    assert.equal(send(self, 1), 0);
    assert.equal(send(self, 0), 0);
    assert.equal(exchange(0, -1), self * 2);
    assert.equal(exchange(0, -1), self * 2 + 1);
    assert.equal(exchange(0, -1), Exchange.None);
  });

  it('sends an answer once, by descriptor as by PID', () => {
    const { fd } = new Descriptor(addon, self);
    assert.ok(fd > 2);
    assert.equal(send(self, 1, fd), 0);
    assert.equal(fields[Field.Answer], -1);
    assert.equal(exchange(0, -1), self * 2 + 1);
    assert.equal(exchange(0, -1), Exchange.None);
  });

  it('sends nothing by a descriptor that is closed, or no process', (t) => {
    const peer = new Descriptor(addon, self);
    peer.close();
    peer.close();
    assert.equal(send(self, 1, peer.fd), Exchange.Unreachable);
    const file = openSync('/dev/null', 'w');
    t.after(() => closeSync(file));
    assert.equal(send(self, 1, file), Exchange.Unreachable);
    set({ Answer: -1 });
    assert.equal(exchange(0, -1), Exchange.None);
  });

  it('runs through bits that come back as they were, and returns the last', () => {
    startRun(self, -1, 0x68, 0b10, 0);
    assert.equal(exchange(1000, -1), self * 2);
    assert.deepEqual([fields[Field.RunEchoed], fields[Field.RunSent]], [23, 24]);
    assert.equal(fields[Field.RunBits], 0);
    assert.equal(exchange(0, -1), Exchange.None);
  });

  it('sends a 0 and the 1 after it together, within a byte only', () => {
    startRun(self, -1, 0b0110_0010);
    assert.equal(exchange(-1, -1), 0);
    assert.equal(fields[Field.RunSent], 2);
    assert.equal(exchange(1000, -1), self * 2);
    startRun(self, -1, 0b0111_1111, 0b1);
    set({ RunSent: 7, RunEchoed: 7 });
    assert.equal(exchange(-1, -1), 0);
    assert.equal(fields[Field.RunSent], 8);
    assert.equal(exchange(1000, -1), self * 2);
  });

  it('ends a run at an echo that is another bit, and sends no more of it', () => {
    startRun(self, -1, 0b1111);
    set({ RunSent: 1 });
    assert.equal(send(self, 0), 0); // in place of the first
    assert.equal(exchange(1000, -1), self * 2);
    assert.deepEqual([fields[Field.RunBits], fields[Field.RunEchoed]], [0, 0]);
    assert.equal(exchange(0, -1), Exchange.None);
  });

  /** By descriptor: by PID none is sent after a pause, which any process can have. */
  const echoTo = (t: TestContext, byte: number, bits: number) => {
    const peer = new Descriptor(addon, self);
    t.after(() => {
      set({ EchoRoom: 0 });
      peer.close();
    });
    set({ EchoPid: self, EchoFd: peer.fd, EchoRoom: 2 });
    set({ EchoByte: byte, EchoBits: bits, EchoBytes: 0 });
  };

  it('echoes bytes that are not zero, as many as there is room for', (t) => {
    echoTo(t, 0b101, 3);
    send(self, 1); // which comes back as its echo, and so on
    assert.equal(exchange(1000, -1), self * 2 + 1);
    assert.deepEqual([...echo.subarray(0, fields[Field.EchoBytes])], [0b1111_1101, 0xff]);
    assert.deepEqual([fields[Field.EchoRoom], fields[Field.EchoBits]], [0, 0]);
    assert.equal(exchange(0, -1), Exchange.None);
  });

  it('leaves the last bit of a zero byte to JavaScript', (t) => {
    echoTo(t, 0, 0);
    send(self, 0);
    assert.equal(exchange(1000, -1), self * 2);
    assert.deepEqual([fields[Field.EchoBytes], fields[Field.EchoBits]], [0, 7]);
    assert.equal(exchange(0, -1), Exchange.None);
  });

  it('waits no longer than it is told', () => {
    const before = addon.monotonic();
    assert.equal(exchange(2000, -1), Exchange.None);
    assert.ok(addon.monotonic() - before >= 2);
  });

  it('may use the CPUs that it might before, also when all of them are busy', (t) => {
    const mask = () => /^Cpus_allowed:.*$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[0];
    const before = mask();
    for (let n = 0; n < availableParallelism(); n++) start(t, 'sh', ['-c', 'while :; do :; done']);
    for (let n = 0; n < 300; n++) {
      assert.equal(exchange(1000, -1), Exchange.None);
      assert.equal(mask(), before);
    }
  });

  it('sends nothing after a pause until that is cleared, but an echo by descriptor', async (t) => {
    const since = performance.now();
    await until(() => performance.now() - since > 150);
    const peer = new Descriptor(addon, self);
    t.after(() => peer.close());
    set({ AnswerPid: self, AnswerFd: peer.fd, Answer: 1 });
    assert.equal(addon.exchange(0, -1), self * 2 + 1);
    startRun(self, peer.fd, 0x68);
    assert.equal(addon.exchange(0, -1), Exchange.Gap);
    set({ AnswerFd: -1, Answer: 0 });
    assert.equal(addon.exchange(0, -1), Exchange.Gap);
    set({ RunBits: 0 });
    assert.equal(exchange(0, -1), self * 2);
  });

  it('cannot reach who is gone, nor who has its PID', async (t) => {
    const pid = await gonePid(t);
    for (const bit of [0, 1] as const) assert.equal(send(pid, bit), Exchange.Unreachable);
    assert.equal(addon.pidfd(pid), -1);
    const peer = await blocker(t);
    const { fd } = new Descriptor(addon, peer.pid);
    await peer.kill('SIGKILL');
    // As if the PID were ours by now: the descriptor decides.
    assert.equal(send(self, 0, fd), Exchange.Unreachable);
    set({ Answer: -1 });
    startRun(self, fd, 0x68);
    assert.equal(exchange(0, -1), Exchange.Unreachable);
    set({ RunBits: 0 });
    assert.equal(exchange(0, -1), Exchange.None);
  });

  it('sends a bit to a whole process by its descriptor, and to nobody once that has ended', async (t) => {
    const ourselves = new Descriptor(addon, self);
    t.after(() => ourselves.close());
    ourselves.kill(1);
    assert.equal(exchange(1000, -1), self * 2 + 1);
    const peer = await blocker(t);
    const gone = new Descriptor(addon, peer.pid);
    t.after(() => gone.close());
    await peer.kill('SIGKILL');
    assert.throws(() => gone.kill(1), new RegExp(`process ${peer.pid} .errno ${ESRCH}`));
  });

  it('wakes from a wait when the peer ends, and calls back', async (t) => {
    const peer = await blocker(t);
    const waits = addon.pidfd(peer.pid);
    const watched = addon.pidfd(peer.pid);
    assert.ok(waits > 2 && watched > 2);
    let calls = 0;
    const watcher = addon.watch(watched, () => calls++, false);
    await peer.kill('SIGKILL');
    assert.equal(exchange(1_000_000, waits), Exchange.Ended);
    await until(() => calls > 0);
    addon.unwatch(watcher);
  });

  it('calls back for a signal only while it is armed', async () => {
    let calls = 0;
    const watcher = addon.watch(-1, () => calls++, true);
    addon.arm(watcher, false);
    send(self, 0);
    for (let n = 0; n < 10; n++) await turn();
    assert.equal(calls, 0);
    addon.arm(watcher, true);
    await until(() => calls > 0);
    assert.equal(exchange(0, -1), self * 2);
    addon.unwatch(watcher);
  });

  it('cannot watch what is no descriptor', () => {
    assert.throws(() => addon.watch(9999, () => {}, false), /cannot watch/);
  });

  it('locks one byte of a file for one open file description', (t: TestContext) => {
    const path = join(tempDir(t), 'bus');
    const [one, two] = [openSync(path, 'w+'), openSync(path, 'r+')];
    assert.equal(addon.lock(one, 64, 1), 0);
    assert.equal(addon.lock(one, 64, 1), 0);
    assert.equal(addon.lock(two, 64, 1), EAGAIN);
    assert.equal(addon.lock(two, 65, 1), 0);
    assert.equal(addon.lock(one, 64, 0), 0);
    assert.equal(addon.lock(two, 64, 1), 0);
    assert.equal(addon.lock(9999, 64, 1), EBADF);
  });

  it('knows whether a write would block', () => {
    assert.equal(addon.writable(openSync('/dev/null', 'w'), 0), 1);
    assert.equal(addon.writable(9999, 0), 0);
  });

  it('limits how many descriptors a child may have open', () => {
    const before = addon.openFiles(200);
    try {
      const told = execFileSync('sh', ['-c', 'ulimit -S -n']);
      assert.equal(told.toString(), '200\n');
    } finally {
      assert.equal(addon.openFiles(before), 200);
    }
    assert.equal(addon.openFiles(-1), -1);
  });

  it('goes back in a file', (t) => {
    const path = join(tempDir(t), 'file');
    const fd = openSync(path, 'w');
    writeSync(fd, 'abcdef');
    assert.equal(addon.seekBack(fd, 3), 0);
    writeSync(fd, 'x');
    closeSync(fd);
    assert.equal(readFileSync(path, 'utf8'), 'abcxef');
    assert.equal(addon.seekBack(9999, 1), EBADF);
  });
});
