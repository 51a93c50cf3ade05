/** Every command of docs/tutorial.md, in one shell, as a reader types them. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { DIST, Program, ROOT, Stage } from './harness.ts';

it('the tutorial does what it says', async (t) => {
  const stage = new Stage(t);
  const page = readFileSync(join(ROOT, 'docs/tutorial.md'), 'utf8');
  const blocks = [...page.matchAll(/```(sh|text)\n(.*?)```/gs)];
  const mark = '--- next block ---';
  const script = blocks
    .filter(([, kind]) => kind === 'sh')
    .map(([, , text]) => `${text}\necho '${mark}'`)
    .join('\n');
  const bin = stage.path('bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'sigmq'),
    `#!/bin/sh\nexec "${process.execPath}" "${DIST}/bin/sigmq.js" "$@"\n`,
  );
  chmodSync(join(bin, 'sigmq'), 0o755);
  const shell = new Program(t, 'bash', ['-euo', 'pipefail', '-c', script], {
    cwd: stage.dir,
    env: { SIGMQ_DIR: stage.path('run'), PATH: `${bin}:${process.env.PATH}` },
  });
  const { code, stdout, stderr } = await shell.ended;
  assert.equal(code, 0, `${stdout}${stderr}`);

  const outputs = stdout.toString().split(`${mark}\n`);
  let block = -1;
  for (const [, kind, text = ''] of blocks) {
    if (kind === 'sh') block++;
    else {
      for (const line of text.trim().split('\n')) {
        assert.ok(
          outputs[block]?.includes(line),
          `block ${block} lacks "${line}": ${outputs[block]}`,
        );
      }
    }
  }
});
