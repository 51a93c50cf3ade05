// `--peers`: sigmq beside other queues for one machine, as far as Debian's packages of them are installed.
import { spawnSync } from 'node:child_process';
import { summaries } from '../summary.mjs';
import { compareBrokers } from './compare.mjs';
import { compareSpoolers } from './spoolers.mjs';

/** Program and Debian package. */
const PACKAGES = { beanstalkd: 'beanstalkd', nq: 'nq', tsp: 'task-spooler' };
/** @returns {boolean} */
const isInstalled = (program) =>
  spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;

function versionOf(debian) {
  const { status, stdout } = spawnSync('dpkg-query', ['-W', debian], { encoding: 'utf8' });
  return status === 0 ? stdout.trim().replace('\t', ' ') : `${debian} of an unknown version`;
}

const tableOf = (title, { names, samples }) => ({
  title,
  names,
  samples,
  rows: Object.entries(samples).map(([label, byName]) => ({ label, figures: summaries(byName) })),
});

/**
 * @param {{ runs: number, messages: number, progress: (text: string) => void }} options
 * @returns what is compared as tables, and what is not here to be compared
 */
export async function comparePeers({ runs, messages, progress }) {
  const has = (program) => isInstalled(program);
  const packages = Object.entries(PACKAGES);
  const missing = packages.filter(([program]) => !has(program)).map(([, debian]) => debian);
  const versions = packages.filter(([program]) => has(program)).map(([, name]) => versionOf(name));
  const counts = {
    groups: messages,
    singly: Math.ceil(messages / 5),
    large: Math.ceil(messages / 2500),
  };
  const jobs = Math.ceil(messages / 100);
  const brokers = await compareBrokers({
    runs,
    counts,
    progress,
    hasBeanstalkd: has('beanstalkd'),
  });
  const spoolers = await compareSpoolers({ runs, jobs, has, progress });
  return {
    runs,
    missing,
    versions,
    tables: [
      tableOf('library and client, messages/s', brokers),
      tableOf('programs, jobs/s', spoolers),
    ],
  };
}

/** What to say about those that are missing; undefined when none is. */
export const adviceOf = ({ missing }) =>
  missing.length === 0
    ? undefined
    : `not installed and left out: ${missing.join(', ')} (apt-get install -y ${missing.join(' ')})`;
