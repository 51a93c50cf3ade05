/** What contrib/ has is not run here, but read by those that run it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../e2e/harness.ts';
import { assertUnderstood } from './command-lines.ts';
import { needsSystemd, verified } from './systemd.ts';

const FOLDER = join(ROOT, 'contrib');
const UNITS = readdirSync(join(FOLDER, 'systemd'));

const units = (change = (unit: string) => unit) =>
  Object.fromEntries(UNITS.map((name) => [name, change(readUnit(name))]));

function readUnit(name: string): string {
  return readFileSync(join(FOLDER, 'systemd', name), 'utf8');
}

describe('systemd units', () => {
  it('are what systemd understands', needsSystemd, (t) => {
    assert.equal(verified(t, units()), '');
    const wrong = units((unit) => unit.replace('KillMode=', 'KillMod='));
    assert.notEqual(verified(t, wrong), '');
  });

  for (const name of UNITS) {
    it(`${name} runs a command that there is`, () => {
      const unit = readUnit(name).replaceAll('%i', 'mail');
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
