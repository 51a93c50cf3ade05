/** What contrib/ has is not run here, but read by those that run it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { sigmq } from '../../src/cli/main.ts';
import { DIST, ROOT } from '../e2e/harness.ts';
import { tempDir } from '../registry/children.ts';

const FOLDER = join(ROOT, 'contrib');
const UNITS = readdirSync(join(FOLDER, 'systemd'));

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
const needsSystemd = hasSystemd ? {} : { skip: 'SKIPPED: systemd-analyze is not installed' };

/** What systemd has to say about the units, with this `sigmq`. */
function verified(t: TestContext, change = (unit: string) => unit): string {
  const folder = tempDir(t);
  mkdirSync(join(folder, 'units'));
  const paths = UNITS.map((name) => {
    const path = join(folder, 'units', name);
    const unit = readFileSync(join(FOLDER, 'systemd', name), 'utf8');
    const withPath = unit.replace('ExecStart=sigmq', `ExecStart=${DIST}/bin/sigmq.js`);
    writeFileSync(path, change(withPath));
    return path;
  });
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, HOME: folder };
  const args = ['verify', '--user', '--man=no', ...paths];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { env, encoding: 'utf8' });
  return `${stdout}${stderr}${status === 0 ? '' : `exit ${status}`}`;
}

/** The words of a command line that sigmq has to understand. */
function assertUnderstood(words: readonly string[]): void {
  const [program, name = '', ...args] = words;
  assert.equal(program, 'sigmq');
  const command = sigmq().commands.find((one) => one.name() === name);
  assert.ok(command, name);
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  for (const word of own.filter((word) => word.startsWith('-'))) {
    const isKnown = command.options.some(({ long, short }) => word === long || word === short);
    assert.ok(isKnown, `${name} ${word}`);
  }
}

describe('systemd units', () => {
  it('are what systemd understands', needsSystemd, (t) => {
    assert.equal(verified(t), '');
    assert.notEqual(
      verified(t, (unit) => unit.replace('KillMode=', 'KillMod=')),
      '',
    );
  });

  for (const name of UNITS) {
    it(`${name} runs a command that there is`, () => {
      const unit = readFileSync(join(FOLDER, 'systemd', name), 'utf8');
      assertUnderstood(/^ExecStart=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? []);
    });
  }
});

describe('compose.yaml', () => {
  const text = readFileSync(join(FOLDER, 'compose.yaml'), 'utf8');

  it('has everybody see the same PIDs, in the same directory, as the same user', () => {
    assert.equal(text.match(/^ {4}pid: "service:broker"$/gm)?.length, 2);
    assert.equal(text.match(/- run:\/run\/sigmq$/gm)?.length, 2);
    assert.equal(text.match(/USER node/g)?.length, 1);
    assert.match(text, /SIGMQ_DIR: \/run\/sigmq/);
  });

  it('runs commands that there are', () => {
    const lists = [...text.matchAll(/^ {4}(?:command|entrypoint): \[(.*)\]$/gm)];
    assert.equal(lists.length, 3);
    for (const [, list = ''] of lists) assertUnderstood(list.split(/, */));
  });
});
