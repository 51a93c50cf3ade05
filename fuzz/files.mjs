// What may stand in files that sigmq reads, by accident or malice.
import { anyBytes, anyJson, anyText, times } from './values.mjs';

const MEGABYTE = 1 << 20;

/** @param pids of processes of ours that are no peers, and may be named */
export function anyPidFile(random, pids) {
  const pid = () =>
    random.pick([...pids, 0, -1, 1, 2 ** 31, 2 ** 32 + 5, 1e20, '', 'x', '+5', ' 7']);
  return random.pick([
    () => anyBytes(random, 200),
    () => `${pid()}\n`,
    () => `${pid()}`,
    () => `${pid()}\0${pid()}\n`,
    () => `${pid()} ${anyText(random)}\n`,
    () => Buffer.alloc(random.int(1, 3) * MEGABYTE, random.pick(['7', '\0', '\n'])),
    () => '',
  ])();
}

export function anyBrokerJson(random, pids) {
  const good = { pid: random.pick(pids), start: 1, maxMessageBytes: 10, version: '9' };
  const spoilt = { ...good, [random.pick(Object.keys(good))]: anyJson(random) };
  return random.pick([
    () => anyBytes(random, 200),
    () => JSON.stringify(spoilt),
    () => JSON.stringify(anyJson(random)),
    () => JSON.stringify(spoilt).slice(0, random.int(0, 40)),
    () => '['.repeat(MEGABYTE),
  ])();
}

const ATTRIBUTES = [
  'queues=',
  'queues=junk,%1b%5b31m,good%00',
  `queues=${'a,'.repeat(50_000)}`,
  'jobs=1e9',
  'jobs=-1',
  'jobs=NaN',
  'ackwait=-5',
  'ackwait=1e-300',
  'ackwait=Infinity',
  'start=1',
  'start=99999999999999999999',
  '__proto__=1',
  '=',
  '%%%',
];

function anyLine(random, pids) {
  const pid = random.pick([...pids, 0, -1, 1, 2, 999_999_999, 2 ** 31, '1e3', '0x10', '']);
  const attributes = times(random.int(0, 4), () => random.pick([...ATTRIBUTES, anyText(random)]));
  return random.pick([`${pid} ${attributes.join(' ')}`, `${pid}`, anyBytes(random, 80)]);
}

export function anyConsumersFile(random, pids) {
  const lines = times(random.int(0, 30), () => Buffer.from(anyLine(random, pids)));
  const newline = Buffer.from(random.pick(['\n', '\n', '\n', '\r\n', '\0']));
  const all = Buffer.concat(lines.flatMap((line) => [line, newline]));
  return random.pick([
    () => all,
    () => all.subarray(0, random.int(0, all.length)),
    () => anyBytes(random, 2000),
    () => Buffer.alloc(random.int(1, 6) * MEGABYTE, random.pick(['1', '\n', '7\n', '\0'])),
    () => Buffer.concat([all, Buffer.alloc(MEGABYTE, `${random.pick(pids)}\n`)]),
  ])();
}

const CONFIG_KEYS = [
  'dir',
  'data',
  'queue',
  'timeout',
  'jobs',
  'format',
  'json',
  'header',
  'count',
];
const COMMANDS = ['send', 'consume', 'broker', 'peek', 'dead', '__proto__', 'constructor'];

export function anyConfig(random) {
  const values = () =>
    Object.fromEntries(times(random.int(0, 3), () => [random.pick(CONFIG_KEYS), anyJson(random)]));
  const nested = () =>
    Object.fromEntries([[random.pick(COMMANDS), random.pick([values(), anyJson(random)])]]);
  return random.pick([
    () => anyBytes(random, 200),
    () => JSON.stringify(values()),
    () => JSON.stringify({ ...values(), ...nested() }),
    () => JSON.stringify(anyJson(random)),
    () => `{"x":"${'y'.repeat(2 * MEGABYTE)}"}`,
  ])();
}

/** A file with bytes changed, cut off, repeated, or replaced by zeros. */
export function damaged(random, file) {
  const bytes = Buffer.from(file);
  const at = () => random.int(0, Math.max(0, bytes.length - 1));
  const kind = random.int(0, 4);
  if (kind === 0) return bytes.subarray(0, at());
  if (kind === 1) return bytes.fill(0, at());
  if (kind === 2) return Buffer.concat([bytes, bytes.subarray(at())]);
  // Mostly in the first page, where the schema is, or few anywhere.
  const count = random.pick([1, 3, 30, 300]);
  const reach = kind === 3 ? Math.min(4096, bytes.length) : bytes.length;
  for (let n = 0; n < count && reach > 0; n++) bytes[random.int(0, reach - 1)] = random.int(0, 255);
  return bytes;
}
