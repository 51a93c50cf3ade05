// Builds the addon for this machine, and with --all for every architecture that a compiler is here for,
// into prebuilds/<platform>-<arch>/sigmq.node. With --if-possible a missing compiler is no error: sigmq
// then runs as a plain peer (docs/architecture.md). It is not asked for warnings: that of an unknown compiler
// is no reason to have no addon (scripts/check-addon.mjs asks).
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ARCHITECTURES, compilerFor, link, root } from './native.mjs';

const ifPossible = process.argv.includes('--if-possible');
const all = process.argv.includes('--all');

function build(arch) {
  const cc = compilerFor(arch);
  if (!cc) return `no C compiler for ${arch}`;
  const target = join(root, 'prebuilds', `linux-${arch}`, 'sigmq.node');
  mkdirSync(dirname(target), { recursive: true });
  const { isDone, said } = link(cc, arch, target, '-O3', '-s');
  if (isDone) return undefined;
  rmSync(target, { force: true });
  return `${cc} failed:\n${said}`;
}

if (process.platform !== 'linux') {
  console.error('sigmq: the addon is for Linux; elsewhere sigmq runs as a plain peer.');
  process.exit(ifPossible ? 0 : 1);
}
let failed = false;
for (const arch of ARCHITECTURES) {
  if (arch !== process.arch && !all) continue;
  const problem = build(arch);
  if (!problem) continue;
  console.error(`sigmq: addon for linux-${arch} not built: ${problem}`);
  failed ||= arch === process.arch;
}
process.exit(failed && !ifPossible ? 1 : 0);
