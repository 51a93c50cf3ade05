// How the addon is compiled: for scripts/build-addon.mjs, which builds what is used, and for
// scripts/check-addon.mjs and scripts/sanitize-addon.mjs, which look for mistakes in it.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'src/signals/native');
const require = createRequire(import.meta.url);
const { include_dir } = require('node-api-headers');

const compilers = {
  x64: [process.env.CC, 'cc', 'gcc', 'clang', 'x86_64-linux-gnu-gcc', 'x86_64-linux-musl-gcc'],
  arm64: [process.env.CC, 'cc', 'gcc', 'clang', 'aarch64-linux-gnu-gcc', 'aarch64-linux-musl-gcc'],
};
const machines = { x64: /^x86_64/, arm64: /^aarch64/ };

/** Those that the addon is for. */
export const ARCHITECTURES = Object.keys(compilers);

export const SOURCES = readdirSync(folder).filter((name) => name.endsWith('.c'));

/** The first compiler whose output runs on `arch`. */
export function compilerFor(arch) {
  return compilers[arch]?.find((cc) => {
    if (!cc) return false;
    const { status, stdout } = spawnSync(cc, ['-dumpmachine'], { encoding: 'utf8' });
    return status === 0 && machines[arch].test(stdout);
  });
}

/** Says what the compiler has to say, and whether it is content. */
function compile(cc, args) {
  const flags = [`-I${include_dir}`, '-DNAPI_VERSION=8', ...args];
  const { status, stderr } = spawnSync(cc, flags, { cwd: folder, encoding: 'utf8' });
  return { isDone: status === 0, said: stderr };
}

/**
 * Makes an addon. No library is named and no start file linked, so the result has no NEEDED entry and no symbol
 * version: it takes libc, Node-API and libuv from the process that loads it.
 */
export function link(cc, arch, target, ...flags) {
  return compile(cc, [
    ...['-shared', '-fPIC', '-fvisibility=hidden'],
    ...['-nodefaultlibs', '-nostartfiles', '-fno-stack-protector'],
    ...(arch === 'arm64' ? ['-mno-outline-atomics'] : []),
    ...flags,
    ...SOURCES,
    ...['-o', target],
  ]);
}

/** Compiles one of {@link SOURCES} for what is said of it. */
export function look(cc, source, ...flags) {
  return compile(cc, [...flags, '-O2', '-fPIC', '-c', source, '-o', '/dev/null']);
}

/** Whether the compiler knows a flag. */
export function knows(cc, flag) {
  return compile(cc, [flag, '-xc', '-c', '/dev/null', '-o', '/dev/null']).isDone;
}
