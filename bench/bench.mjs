// The figures that sigmq is judged by, each beside its yardstick and from the same run:
//   npm run bench -- [--runs N] [--messages N] [--busy] [--peers] [--json] [--report]
// Medians of N runs (5 unless told) with the smallest and the largest. --messages: how many in a sample that counts
// them (5000). --busy: while other processes want every CPU. --peers: sigmq beside beanstalkd, nq and task-spooler,
// instead of the figures. --report: all of it, busy and with a backlog too (and with --peers those), into
// docs/benchmarks.md and its chart. Timing is judged here, never by a test.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LABELS, measureSigmq } from './figures.mjs';
import { adviceOf, comparePeers } from './peers/peers.mjs';
import { printFigures, printPeers } from './print.mjs';
import { report } from './report.mjs';
import { ROOT } from './stage.mjs';

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    messages: { type: 'string', default: '5000' },
    busy: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    'in-busy': { type: 'boolean', default: false },
  },
});

/** A flag's number, or the end. */
function numberOf(name, max) {
  const value = Number(flags[name]);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  console.error(`bench: --${name} takes 1 to ${max}`);
  process.exit(64);
}
const runs = numberOf('runs', 100);
const messages = numberOf('messages', 1_000_000);
if (flags.busy && (flags.peers || flags.report)) {
  console.error('bench: --busy goes with --runs and --json only');
  process.exit(64);
}
if (flags.busy) {
  const self = [process.execPath, process.argv[1], '--in-busy', '--runs', flags.runs];
  if (flags.json) self.push('--json');
  const inBusy = join(ROOT, 'scripts/in-busy.mjs');
  process.exit(
    spawnSync(process.execPath, [inBusy, '--', ...self], { stdio: 'inherit' }).status ?? 1,
  );
}

const busy = flags['in-busy'];
const CLEAR_LINE = '\r\x1b[K';
const progress = (text) => {
  if (process.stderr.isTTY) process.stderr.write(`${CLEAR_LINE}${text}`);
};
const options = { runs, messages, progress };
const machine = { cpu: cpus()[0]?.model, cpus: cpus().length, node: process.version, busy };
const quiet =
  flags.peers && !flags.report
    ? undefined
    : { machine, runs, messages, ...(await measureSigmq({ ...options, busy })) };
const peers = flags.peers ? { machine, messages, ...(await comparePeers(options)) } : undefined;
progress('');
const advice = peers && adviceOf(peers);
if (advice) console.error(`bench: ${advice}`);

if (flags.report) report({ labels: LABELS, quiet, peers });
else if (flags.json) console.log(JSON.stringify(quiet ?? peers));
else if (quiet) printFigures(LABELS, quiet);
else if (peers) printPeers(peers);
