import { readFileSync } from 'node:fs';
import { isStopped, type ProcessTable } from '../../registry/process-info.ts';

/** What is known of a consumer's process without asking the broker. */
export interface Running {
  /** The command that it runs for each message, or else its own. */
  readonly command: string;
  readonly isStopped: boolean;
}

const SIGMQ = /^(?:.*\/)?(sigmq(?:-consumer)?)(?:\.js)?$/;
/** Of a command line; nobody's screen shows more. */
const MAX_CHARACTERS = 1000;

/** The processes that take messages. */
export class Processes {
  readonly #table: Pick<ProcessTable, 'read'>;
  readonly #read: (pid: number) => string;
  /** Command lines do not change, but for the moment of a start. */
  #commands = new Map<number, string>();

  constructor(table: Pick<ProcessTable, 'read'>, read = readCommandLine) {
    this.#table = table;
    this.#read = read;
  }

  of(pid: number): Running {
    const info = this.#table.read(pid);
    const command = this.#commands.get(pid) ?? commandText(this.#read(pid));
    if (command !== '') this.#commands.set(pid, command);
    return { command, isStopped: info !== undefined && isStopped(info) };
  }

  /** Forgets all others: a PID may come again. */
  keep(pids: ReadonlySet<number>): void {
    this.#commands = new Map([...this.#commands].filter(([pid]) => pids.has(pid)));
  }
}

/** @param line as in /proc: each argument ends with a NUL */
export function commandText(line: string): string {
  const args = line.slice(0, MAX_CHARACTERS).split('\0');
  if (args.at(-1) === '') args.pop();
  const at = args.findIndex((arg) => SIGMQ.test(arg));
  if (at === -1) return args.join(' ');
  const [program = '', ...rest] = args.slice(at);
  const own = rest.indexOf('--');
  return own === -1
    ? [program.replace(SIGMQ, '$1'), ...rest].join(' ')
    : rest.slice(own + 1).join(' ');
}

function readCommandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has ended, or there is no /proc
  }
}
