// Runs the tests of the addon and of the link with an addon that GCC's sanitizers watch: an access outside what
// belongs to it, or undefined behaviour, ends the process. Needs what `npm run build` makes, and the libraries of the
// sanitizers (Debian: gcc has them, Alpine: nobody); where they are not it says so.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { compilerFor, link, root } from './native.mjs';

const SANITIZED = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const LIBRARIES = ['libasan.so', 'libubsan.so'];
const SUITES = ['dist/test/signals', 'dist/test/link'];
/** It takes one to three minutes on a busy machine; a sanitizer that waits for itself, for ever. */
const TIMEOUT_MS = 900_000;

function skip(why) {
  console.log(`sanitize-addon: SKIPPED: the tests with sanitizers: ${why}`);
  process.exit();
}

function fail(why) {
  console.error(`sanitize-addon: ${why}`);
  process.exit(1);
}

const cc = compilerFor(process.arch);
if (process.platform !== 'linux' || !cc) skip('there is no C compiler, or no Linux');
const libraries = LIBRARIES.map((name) =>
  spawnSync(cc, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim(),
);
if (!libraries.every((path) => isAbsolute(path) && existsSync(path))) {
  skip(`${cc} has no ${LIBRARIES.join(' or no ')}`);
}
if (!SUITES.every((folder) => existsSync(join(root, folder)))) fail('run npm run build first');

const scratch = mkdtempSync(join(tmpdir(), 'sigmq-sanitized-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
cpSync(join(root, 'dist'), join(scratch, 'dist'), { recursive: true });
cpSync(join(root, 'package.json'), join(scratch, 'package.json'));
symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'));
const folder = join(scratch, 'prebuilds', `linux-${process.arch}`);
mkdirSync(folder, { recursive: true });
const { isDone, said } = link(cc, process.arch, join(folder, 'sigmq.node'), ...SANITIZED);
if (!isDone) fail(`${cc} failed:\n${said}`);

/** Node, with the sanitizers. What Node itself never frees is no leak of ours. */
function run(...args) {
  const { status, error } = spawnSync(process.execPath, args, {
    cwd: scratch,
    env: {
      ...process.env,
      NODE_V8_COVERAGE: '',
      LD_PRELOAD: libraries.join(' '),
      ASAN_OPTIONS: 'detect_leaks=0',
      UBSAN_OPTIONS: 'print_stacktrace=1',
    },
    stdio: 'inherit',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  return error?.message ?? (status === 0 ? undefined : 'something was found');
}

// Without the addon the tests would be skipped.
const loads = `import { loadAddon } from './dist/src/signals/addon.js';
const { why } = loadAddon();
if (why) throw new Error(why);`;
if (run('--input-type=module', '-e', loads)) fail('the addon with sanitizers does not load');
const tests = SUITES.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(folder, name)),
);
const found = run('--test', '--test-concurrency=2', '--test-timeout=300000', ...tests);
if (found) fail(found);
