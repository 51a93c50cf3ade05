// What becomes of real programs that a line of consumers.txt names: starts each, looks at its signals, and
// prints a table (--write: puts it into docs/security.md). Programs that are not installed are left out. Ends
// what it started, and nothing else.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { linuxProcessTable } from '../dist/src/registry/process-table.js';
import { vetTarget } from '../dist/src/registry/vet.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const IN_PTY = join(root, 'test/fixtures/in_pty.py');
const PAGE = join(root, 'docs/security.md');
const BETWEEN = /(<!-- scripts\/real-programs.mjs -->\n)[\s\S]*?(<!-- end -->)/;
/** A program has come up when its signals have stayed as they are for so long; ms. */
const SETTLED_MS = 2000;
const LOOK_MS = 100;
/** The JVM and Go's compiler take long on a busy machine; ms. */
const PATIENCE_MS = 60_000;
const NOBODY = 65_534;

const dir = mkdtempSync(join(tmpdir(), 'sigmq-programs-'));
const file = (name, text) => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const run = (command, ...args) => execFileSync(command, args, { cwd: dir, stdio: 'pipe' });
const out = (command, ...args) => String(run(command, ...args)).trim();

// `needs` is looked for, `command` made when its turn comes.
const programs = [
  { name: 'bash, interactive', needs: 'bash', command: () => ['bash', '--norc', '-i'] },
  {
    name: 'bash script that traps both',
    needs: 'bash',
    command: () => ['bash', '-c', 'trap : USR1; trap : USR2; while :; do sleep 1; done'],
  },
  {
    name: 'bash script that traps both and EXIT',
    needs: 'bash',
    command: () => ['bash', '-c', 'trap : USR1 USR2 EXIT; while :; do sleep 1; done'],
  },
  { name: 'dash, interactive', needs: 'dash', command: () => ['dash', '-i'] },
  { name: 'zsh, interactive', needs: 'zsh', command: () => ['zsh', '-f', '-i'] },
  { name: 'fish, interactive', needs: 'fish', command: () => ['fish', '--no-config', '-i'] },
  { name: 'ksh93, interactive', needs: 'ksh93', command: () => ['ksh93', '-i'] },
  { name: 'irb', needs: 'irb', command: () => ['irb'] },
  { name: 'pry', needs: 'pry', command: () => ['pry'] },
  {
    name: 'Ruby program that traps both',
    needs: 'ruby',
    command: () => ['ruby', '-e', 'trap("USR1") {}; trap("USR2") {}; sleep'],
  },
  {
    name: 'Ruby program that traps neither',
    needs: 'ruby',
    command: () => ['ruby', '-e', 'sleep'],
  },
  { name: 'Python', needs: 'python3', command: () => ['python3', '-q'] },
  { name: 'node', needs: 'node', command: () => ['node', '-e', 'setInterval(() => {}, 1e9)'] },
  {
    name: 'node that handles SIGUSR2',
    needs: 'node',
    command: () => ['node', '-e', 'process.on("SIGUSR2", () => {}); setInterval(() => {}, 1e9)'],
  },
  { name: 'npm', needs: 'npm', command: () => ['npm', 'exec', '--offline', '-c', 'sleep 1000'] },
  {
    name: 'tmux (its server)',
    needs: 'tmux',
    command: () => ['tmux', '-S', join(dir, 'tmux'), '-D'],
  },
  { name: 'vim', needs: 'vim', command: () => ['vim', '-u', 'NONE', '-i', 'NONE'] },
  {
    name: 'nginx (its master)',
    needs: 'nginx',
    command: () => {
      const text = `pid ${dir}/nginx.pid; error_log ${dir}/nginx.log; daemon off; events {}`;
      return ['nginx', '-p', dir, '-c', file('nginx.conf', text), '-e', join(dir, 'nginx.log')];
    },
  },
  {
    name: 'php-fpm (its master)',
    needs: 'php-fpm8.2',
    command: () => {
      const pool = '[www]\npm = static\npm.max_children = 1\n';
      const text = `[global]\nerror_log = ${dir}/fpm.log\n${pool}listen = ${dir}/fpm\nuser = nobody\n`;
      return ['php-fpm8.2', '-n', '-F', '-R', '-y', file('fpm.conf', text)];
    },
  },
  {
    name: 'redis',
    needs: 'redis-server',
    command: () => ['redis-server', '--port', '0', '--unixsocket', 'redis'],
  },
  {
    name: 'postgres (its postmaster)',
    needs: 'initdb',
    command: () => {
      const data = join(dir, 'postgres');
      mkdirSync(data);
      // It does not run as root.
      const by = process.getuid?.() === 0 ? ['setpriv', `--reuid=${NOBODY}`, '--clear-groups'] : [];
      if (by.length > 0) {
        chmodSync(dir, 0o711);
        chownSync(data, NOBODY, -1);
      }
      run(...by, 'initdb', '-D', data, '--no-sync');
      const bin = out('sh', '-c', 'command -v postgres');
      return [...by, bin, '-D', data, '-k', data, '-c', 'listen_addresses='];
    },
  },
  {
    name: 'Go program',
    needs: 'go',
    command: () => {
      const text = 'package main\nimport "time"\nfunc main() { time.Sleep(time.Hour) }\n';
      const source = file('sleeper.go', text);
      run('go', 'build', '-o', join(dir, 'sleeper'), source);
      return [join(dir, 'sleeper')];
    },
  },
  {
    name: 'JVM',
    needs: 'java',
    command: () => {
      const text =
        'class Sleeper { public static void main(String[] a) throws Exception { Thread.sleep(1000000); } }';
      return ['java', file('Sleeper.java', text)];
    },
  },
];

const PLAIN = 'served, as a plain peer';
const VERDICTS = {
  'would-be-killed': 'refused: does not catch both',
  indifferent: 'refused: catches nearly all alike',
  interactive: 'refused: an interactive Ruby',
  echo: 'takes echoed bits: blocks both',
  plain: PLAIN,
};

function isInstalled(command) {
  try {
    run('sh', '-c', `command -v ${command}`);
    return true;
  } catch {
    return false;
  }
}

const masks = (pid) => {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  return ['SigBlk', 'SigCgt'].map((name) => new RegExp(`${name}:\\s+(\\S+)`).exec(text)?.[1]);
};

/** Starts a program, looks at it when it has come up, and ends it. */
async function look({ name, command }) {
  const env = { ...process.env, HOME: dir, HISTFILE: '', TERM: 'xterm' };
  const child = spawn('python3', [IN_PTY, ...command()], { cwd: dir, env });
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    const deadline = Date.now() + PATIENCE_MS;
    let pid;
    let seen = '';
    for (let since = Date.now(); Date.now() - since < SETTLED_MS; await sleep(LOOK_MS)) {
      pid ??= /ready (\d+)/.exec(said)?.[1];
      const now = pid === undefined ? '' : masks(pid).join();
      if (now !== seen || pid === undefined) since = Date.now();
      seen = now;
      if (Date.now() > deadline) throw new Error('does not come to rest');
    }
    const info = linuxProcessTable.read(Number(pid));
    if (info?.uid === undefined) throw new Error('has ended');
    const table = { ...linuxProcessTable, selfUid: info.uid };
    const vetted = vetTarget(info.pid, { start: info.start }, table);
    return { name, caught: masks(pid)[1], what: vetted.ok ? vetted.kind : vetted.why };
  } catch (error) {
    throw new Error(`${name}: ${error.message}; ${said}`);
  } finally {
    child.stdin.end();
    await ended;
  }
}

const rows = [];
try {
  for (const program of programs) {
    if (!isInstalled(program.needs)) console.error(`left out: ${program.name}`);
    else rows.push(await look(program));
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
const table = [
  '| program | catches (`SigCgt`) | named by a line that was written while it ran |',
  '|---|---|---|',
  ...rows.map(
    ({ name, caught, what }) =>
      `| ${name} | \`${caught.replace(/^0+/, '') || 0}\` | ${VERDICTS[what] ?? what} |`,
  ),
].join('\n');
if (process.argv.includes('--write')) {
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(
    PAGE,
    page.replace(BETWEEN, (_all, from, to) => `${from}\n${table}\n\n${to}`),
  );
} else console.log(table);
