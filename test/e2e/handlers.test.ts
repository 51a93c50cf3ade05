/** Whose signals are whose: the library catches none for itself (docs/protocol.md, section 3). */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { openStore } from '../../src/queue/open-store.ts';
import { processTable } from '../../src/registry/process-table.ts';
import { DIST, Program, ROOT, Stage } from './harness.ts';

const LIBRARY = JSON.stringify(pathToFileURL(join(DIST, 'src/index.js')).href);
const SIGNAL_EXIT = JSON.stringify(join(ROOT, 'node_modules/signal-exit'));

/** Runs statements of a module, with `handled()` for the signals that have a handler. */
async function run(t: TestContext, statements: string): Promise<unknown> {
  const stage = new Stage(t);
  const source = `
    import { createRequire } from 'node:module';
    import { constants } from 'node:os';
    const require = createRequire(${JSON.stringify(join(ROOT, 'package.json'))});
    const handled = () => Object.keys(constants.signals).filter((name) => process.listenerCount(name) > 0);
    const emit = process.emit;
    const out = [];
    const { Broker, Producer } = await import(${LIBRARY});
    out.push(handled());
    ${statements}
    console.log(JSON.stringify(out));
    process.exit();
  `;
  const env = { SIGMQ_DIR: stage.dir, XDG_STATE_HOME: stage.path('state') };
  const program = new Program(t, process.execPath, ['--input-type=module', '-e', source], { env });
  const { stdout, stderr } = await program.ended;
  assert.notEqual(stdout.length, 0, stderr);
  return JSON.parse(stdout.toString());
}

describe('the library', () => {
  it('handles no signals when it was imported, nor when the lock was used', async (t) => {
    const seen = await run(
      t,
      `const broker = await Broker.open({ store: { kind: 'memory' } });
       out.push(handled(), process.emit === emit);
       await broker.close();
       out.push(handled());`,
    );
    assert.deepEqual(seen, [[], [], true, []]);
  });

  it("leaves a program's own signal-exit alone, before and after", async (t) => {
    const before = await run(
      t,
      `require(${SIGNAL_EXIT})(() => {});
       const own = handled();
       const broker = await Broker.open({ store: { kind: 'memory' } });
       await broker.close();
       out.push(own.length > 10, handled().join() === own.join());`,
    );
    assert.deepEqual(before, [[], true, true]);
    const after = await run(
      t,
      `const broker = await Broker.open({ store: { kind: 'memory' } });
       await broker.close();
       const remove = require(${SIGNAL_EXIT})(() => {});
       out.push(handled().length > 10);
       remove();`,
    );
    assert.deepEqual(after, [[], true]);
  });
});

describe('the programs', () => {
  it('catch what they act on, and nothing of what ends a process by a limit', async (t) => {
    const stage = new Stage(t);
    for (const program of [await stage.broker(), await stage.consumer()]) {
      assert.equal(processTable().read(program.pid)?.catchesAlike, false);
    }
  });

  it('a broker that may write no more goes on and refuses', async (t) => {
    const stage = new Stage(t);
    // Most of what it may write is there, so that little has to go by signals.
    const folder = stage.path('data');
    const store = await openStore({ kind: 'sqlite', folder });
    await store.publish([{ queue: 'q', body: Buffer.alloc(200_000, 65), priority: 0 }]);
    await store.close();
    const args = [process.execPath, join(DIST, 'bin/sigmq.js'), 'broker', '--data', folder];
    const env = { SIGMQ_DIR: stage.dir, XDG_STATE_HOME: stage.path('state') };
    const script = 'ulimit -f 300; exec "$@"';
    const broker = new Program(t, 'bash', ['-c', script, 'bash', ...args], { env });
    await broker.says(/broker \d+ runs in/);
    const codes: (number | null)[] = [];
    const body = 'A'.repeat(8000);
    while (codes.length < 30 && !codes.includes(75)) {
      codes.push((await stage.send([], { stdin: body })).code);
    }
    assert.equal(codes.pop(), 75, `${codes}`);
    assert.ok(
      codes.every((code) => code === 0),
      `${codes}`,
    );
    assert.ok(broker.lives);
    assert.equal(processTable().read(broker.pid)?.blocksBoth, true);
  });
});
