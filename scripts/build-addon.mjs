// Builds the addon for this machine, and with --all for every architecture that a compiler is here for,
// into prebuilds/<platform>-<arch>/sigmq.node. With --if-possible a missing compiler is no error: sigmq
// then runs as a plain peer (docs/architecture.md).
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const ifPossible = process.argv.includes('--if-possible');
const all = process.argv.includes('--all');

const compilers = {
  x64: [process.env.CC, 'cc', 'gcc', 'clang', 'x86_64-linux-gnu-gcc', 'x86_64-linux-musl-gcc'],
  arm64: [process.env.CC, 'cc', 'gcc', 'clang', 'aarch64-linux-gnu-gcc', 'aarch64-linux-musl-gcc'],
};
const machines = { x64: /^x86_64/, arm64: /^aarch64/ };

/** The first compiler whose output runs on `arch`. */
function compilerFor(arch) {
  return compilers[arch].find((cc) => {
    if (!cc) return false;
    const { status, stdout } = spawnSync(cc, ['-dumpmachine'], { encoding: 'utf8' });
    return status === 0 && machines[arch].test(stdout);
  });
}

function build(arch) {
  const cc = compilerFor(arch);
  if (!cc) return `no C compiler for ${arch}`;
  const target = join(root, 'prebuilds', `linux-${arch}`, 'sigmq.node');
  mkdirSync(dirname(target), { recursive: true });
  // No library is named and no start file linked, so the result has no NEEDED entry and no symbol
  // version: it takes libc, Node-API and libuv from the process that loads it.
  const flags = [
    '-O2',
    '-Wall',
    '-Wextra',
    '-Wno-unused-parameter',
    '-shared',
    '-fPIC',
    '-fvisibility=hidden',
  ];
  flags.push('-nodefaultlibs', '-nostartfiles', '-fno-stack-protector', '-s');
  flags.push(`-I${require('node-api-headers').include_dir}`, '-DNAPI_VERSION=8');
  if (arch === 'arm64') flags.push('-mno-outline-atomics');
  const folder = join(root, 'src/signals/native');
  const sources = readdirSync(folder).filter((name) => name.endsWith('.c'));
  const { status, stderr } = spawnSync(cc, [...flags, ...sources, '-o', target], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status === 0) return undefined;
  rmSync(target, { force: true });
  return `${cc} failed:\n${stderr}`;
}

if (process.platform !== 'linux') {
  console.error('sigmq: the addon is for Linux; elsewhere sigmq runs as a plain peer.');
  process.exit(ifPossible ? 0 : 1);
}
let failed = false;
for (const arch of Object.keys(compilers)) {
  if (arch !== process.arch && !all) continue;
  const problem = build(arch);
  if (!problem) continue;
  console.error(`sigmq: addon for linux-${arch} not built: ${problem}`);
  failed ||= arch === process.arch;
}
process.exit(failed && !ifPossible ? 1 : 0);
