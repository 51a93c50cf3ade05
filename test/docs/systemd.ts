import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { DIST } from '../e2e/harness.ts';
import { tempDir } from '../registry/children.ts';

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
export const needsSystemd = hasSystemd ? {} : { skip: 'SKIPPED: systemd-analyze is not installed' };

/** What systemd has to say about units of a user, with this `sigmq`; nothing: they are good. */
export function verified(t: TestContext, units: Readonly<Record<string, string>>): string {
  const folder = tempDir(t);
  mkdirSync(join(folder, 'units'));
  const paths = Object.entries(units).map(([name, unit]) => {
    const path = join(folder, 'units', name);
    writeFileSync(path, unit.replace('ExecStart=sigmq', `ExecStart=${DIST}/bin/sigmq.js`));
    return path;
  });
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, HOME: folder };
  const args = ['verify', '--user', '--man=no', ...paths];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { env, encoding: 'utf8' });
  return `${stdout}${stderr}${status === 0 ? '' : `exit ${status}`}`;
}
