// Command lines as nobody would type them. They stay in the folder in which they run.
import { anyText, times } from './values.mjs';

const VALUES = [
  '',
  '0',
  '-1',
  '1',
  '1e9',
  '99999999999999999999',
  '1s',
  '1ms',
  '5m',
  '0.5h',
  '64K',
  '1T',
];
const NAMES = [
  'default',
  'junk',
  'a'.repeat(65),
  '../x',
  '__proto__',
  'constructor',
  'ready',
  'dead',
];
const PLACES = ['.', './none', './file', './file/below', './folder', `./${'x'.repeat(300)}`];

const OPTIONS = {
  send: ['-q', '-f', '-l', '-0', '-H', '--priority', '--delay', '--ttl', '-W', '--json', '--trace'],
  consume: ['-q', '-c', '-W', '-e', '-F', '--json', '--raw', '-0', '-j', '--ack-wait', '--quiet'],
  broker: ['--memory', '--fsync', '--max-size', '--max-messages', '--max-bytes', '--log-level'],
  status: ['--json'],
  ls: ['--json'],
  peek: ['-c', '-s', '--json'],
  purge: ['-s', '--force'],
  dead: ['ls', 'show', 'kick', 'rm', '-q', '-c', '--force', '--json'],
  pause: [],
  resume: [],
  drain: [],
  stop: [],
  doctor: ['--clean'],
  completion: ['bash', 'zsh', 'fish', 'ksh'],
};
const COMMON = ['--help', '--no-color', '--version', '--', '-', '--__proto__', '--dir', '--data'];
/** What `consume -- CMD` runs: harmless all of them. */
const PROGRAMS = [
  ['cat'],
  ['true'],
  ['false'],
  ['./none'],
  ['./file'],
  ['.'],
  ['./file/below'],
  [''],
];
const FORMATS = [
  '%p\\n',
  '%h{x}',
  '%h{',
  '%',
  '\\',
  'constructor',
  '__proto__%p',
  '%z',
  '%%%i%q%a%l%t',
];

/** The arguments of one run. */
export function anyArguments(random) {
  const command = random.pick(Object.keys(OPTIONS));
  const value = () =>
    random.pick([
      () => random.pick(VALUES),
      () => random.pick(NAMES),
      () => random.pick(PLACES),
      () => random.pick(FORMATS),
      () => `${anyText(random, 10)}:${anyText(random)}`,
      () => anyText(random),
    ])();
  const args = times(random.int(0, 5), () => {
    const option = random.pick([...OPTIONS[command], ...OPTIONS[command], ...COMMON]);
    if (option === '--dir' || option === '--data') return [option, random.pick(PLACES)];
    return random.int(0, 1) ? [option, value()] : [option];
  }).flat();
  // Paths stay where we are: no argument of `--dir`, `--data` or `-f` comes from elsewhere.
  const safe = args.filter((arg) => !arg.startsWith('/') && !arg.includes('=/'));
  if (command === 'consume') {
    return [
      command,
      ...safe.filter((arg) => arg !== '--'),
      ...(random.int(0, 1) ? ['--', ...random.pick(PROGRAMS)] : []),
    ];
  }
  return [command, ...safe];
}
