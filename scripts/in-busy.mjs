// Runs a command while other processes want every CPU:
//   node scripts/in-busy.mjs [--procs N] -- CMD ARGS...
// N is the number of CPUs unless told. Exits with the command's code (128+n if signal n ended it).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, constants } from 'node:os';
import { parseArgs } from 'node:util';

// Asks now and then whether its parent is still there: a burner ends even when we are killed.
const BURN = `
const parent = process.ppid;
process.stdout.write('.');
while (process.ppid === parent) for (let i = 0; i < 1e7; i++);
`;

/** @returns {never} */
function usage(problem) {
  console.error(`in-busy: ${problem}\nusage: in-busy.mjs [--procs N] -- CMD ARGS...`);
  process.exit(64);
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: { procs: { type: 'string', default: String(availableParallelism()) } },
      allowPositionals: true,
    });
    const procs = Number(values.procs);
    if (!Number.isInteger(procs) || procs < 0 || procs > 64) usage('--procs takes 0 to 64');
    if (positionals.length === 0) usage('no command');
    return { procs, command: positionals[0], args: positionals.slice(1) };
  } catch (error) {
    return usage(error.message);
  }
}

const { procs, command, args } = readArguments();
const burners = Array.from({ length: procs }, () =>
  spawn(process.execPath, ['-e', BURN], { stdio: ['ignore', 'pipe', 'inherit'] }),
);
process.on('exit', () => {
  for (const burner of burners) burner.kill('SIGKILL');
});
// Ready when each has burnt its way to its first byte, else the command has the CPUs at first.
await Promise.all(burners.map((burner) => once(burner.stdout, 'data')));

const child = spawn(command, args, { stdio: 'inherit' });
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => child.kill(signal));
}
child.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
  console.error(`in-busy: cannot run ${command}: ${error.message}`);
  process.exit(error.code === 'ENOENT' ? 127 : 126);
});
child.on('exit', (code, signal) => {
  process.exit(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
});
