import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { explained } from '../errors.ts';
import { BOTH, field, mask } from '../proc-status.ts';
import { Recent } from '../recent.ts';
import { SIGNALS } from '../signal-numbers.ts';
import { sleepSync } from '../sleep-sync.ts';
import type { ProcessInfo, ProcessTable } from './process-info.ts';

/** Blocked, among others, by a process that blocks everything. */
const TERM = 1 << (SIGNALS.SIGTERM - 1);
const INT = 1 << (SIGNALS.SIGINT - 1);
/**
 * A program that picks out signals does not catch these two. An interactive bash (4b813efb) does, and so do
 * signal-exit, Go's runtime and vim; Ruby's (42017e4f) does not.
 */
const ODD = (1 << (SIGNALS.SIGTRAP - 1)) | (1 << (SIGNALS.SIGXCPU - 1));
/** What a server catches that is told to read its configuration again, or to end, and has children. */
const ORDERS = (1 << (SIGNALS.SIGHUP - 1)) | TERM | (1 << (SIGNALS.SIGCHLD - 1));
/** Caught by Ruby and Node.js in all of their programs, and rarely by a program in C. */
const FAULT = 1 << (SIGNALS.SIGSEGV - 1);
/**
 * Ruby's runtime catches both signals in every program, to die of them in its own way; the kernel does not know
 * which of them a program has trapped. Only programs that talk to people load one of these: irb and pry do, while
 * bundler and the standard library's servers do not.
 */
const LINE_EDITOR = /\/.*ruby.*\/(io\/console|readline)\.so$/m;
/**
 * A process that blocks all signals is usually about to stop doing so: fork and posix_spawn of libuv and glibc do
 * it for a moment, in the parent and, until its exec, in the child. An echo that is on its way would then kill it.
 * So this many checks must agree; a few would not be enough for a process that keeps starting others.
 */
const BLOCKING_LOOKS = 127;
/** Pause before each check; ms. */
const BLOCKING_LOOK_MS = 1;
/** How many processes that block everything permanently are remembered. */
const MAX_SETTLED = 256;
/** /proc/PID/status has 1.5 KB; only a long list of groups makes it longer. The kernel allows 65,536. */
const MAX_STATUS_BYTES = 1 << 20;
/** Fields of /proc/PID/stat, counted from the state, which is field 3 in proc(5). */
const START_FIELD = 22 - 3;

/** Shared: a table is read once per frame, and once per bit when pacing, so nothing is allocated. */
let buffer = Buffer.allocUnsafe(8192);

export const linuxProcessTable: ProcessTable = {
  knowsSignals: true,
  selfPid: process.pid,
  selfUid: process.getuid?.() ?? -1,
  read(pid) {
    if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
    const info = readOnce(pid);
    return info?.blocksAll === true && !info.catchesAlso ? readSettled(info) : info;
  },
  hasLineEditor(pid) {
    // Unlike `status`, it is read in pieces of one page.
    return LINE_EDITOR.test(ifThere(() => readFileSync(`/proc/${pid}/maps`, 'latin1')) ?? '');
  },
};

interface LinuxProcessInfo extends ProcessInfo {
  /** It blocks more than our two signals: everything, apparently. */
  readonly blocksAll: boolean;
  /** Both signals are caught, too: nothing can kill it when it unblocks them. */
  readonly catchesAlso: boolean;
}

/** When they had started. */
const settled = new Recent<number, number>(MAX_SETTLED);

function readSettled(first: LinuxProcessInfo): ProcessInfo | undefined {
  const { pid, start } = first;
  if (settled.get(pid) === start) return first;
  let info: LinuxProcessInfo | undefined = first;
  for (let n = 0; n < BLOCKING_LOOKS; n++) {
    sleepSync(BLOCKING_LOOK_MS);
    info = readOnce(pid);
    if (!info?.blocksAll) return info;
  }
  settled.set(pid, start);
  return info;
}

/**
 * /proc/PID/status of the processes read last. An open file belongs to that process for ever: once it has ended,
 * reads fail with ESRCH, even if its PID belongs to another process by then (proc_pid(5), fs/proc/base.c). So one
 * system call tells whether the process is still the same, and its masks.
 */
const open = new Map<number, { readonly fd: number; readonly stat: string }>();
/** A broker talks to a few processes at a time. */
const MAX_OPEN = 16;

function readOnce(pid: number): LinuxProcessInfo | undefined {
  const known = open.get(pid);
  if (known) {
    const status = readFd(known.fd);
    const info = status === undefined ? undefined : parseProcess(pid, known.stat, status);
    if (info) return info;
    forget(pid, known.fd);
  }
  return openAndRead(pid);
}

function openAndRead(pid: number): LinuxProcessInfo | undefined {
  const fd = openProc(`/proc/${pid}/status`);
  if (fd === undefined) return undefined;
  let isKept = false;
  try {
    // Opened before `stat` is read, and read after it: both describe the same process, or reading fails.
    const stat = readProc(`/proc/${pid}/stat`);
    const status = readFd(fd);
    const info =
      stat === undefined || status === undefined ? undefined : parseProcess(pid, stat, status);
    if (!info || stat === undefined) return undefined;
    for (const [other, { fd }] of open) if (open.size >= MAX_OPEN) forget(other, fd);
    open.set(pid, { fd, stat });
    isKept = true;
    return info;
  } finally {
    if (!isKept) closeSync(fd);
  }
}

/** Closes the descriptors that are kept open only for speed. */
export function forgetProcesses(): void {
  for (const [pid, { fd }] of open) forget(pid, fd);
}

function forget(pid: number, fd: number): void {
  open.delete(pid);
  closeSync(fd);
}

/**
 * Reads what the kernel says in /proc/PID/stat and /proc/PID/status.
 * @returns undefined if a field is missing, or `pid` is that of a thread
 */
export function parseProcess(
  pid: number,
  stat: string,
  status: string,
): LinuxProcessInfo | undefined {
  // The name is in parentheses and may contain any character, including ')' and ' '; nothing after it contains a
  // parenthesis. In status the kernel escapes a newline in the name, so lines can be trusted.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = field(status, 'State').slice(0, 1);
  const start = Number(fields[START_FIELD] ?? Number.NaN);
  const uid = Number.parseInt(field(status, 'Uid'), 10);
  // /proc answers for the id of any thread. A thread has a mask of its own, but kill(2) takes its id for the whole
  // process, whose other threads the signal may kill: so a thread is never signalled.
  if (field(status, 'Tgid') !== String(pid)) return undefined;
  if (!state || !Number.isSafeInteger(start) || Number.isNaN(uid)) return undefined;
  const allBlocked = mask(status, 'SigBlk');
  const blocked = allBlocked & BOTH;
  const allCaught = mask(status, 'SigCgt');
  const caught = allCaught & BOTH;
  const threadPending = mask(status, 'SigPnd') & BOTH;
  return {
    pid,
    uid,
    state,
    start,
    blocksBoth: blocked === BOTH,
    catchesBoth: (blocked | caught) === BOTH,
    catchesAlike: (allCaught & ODD) === ODD,
    catchesOrders: (allCaught & ORDERS) === ORDERS && (allCaught & FAULT) === 0,
    pending: (threadPending | (mask(status, 'ShdPnd') & BOTH)) !== 0,
    threadPending: threadPending !== 0,
    blocksAll: (allBlocked & (BOTH | TERM | INT)) === (BOTH | TERM | INT),
    catchesAlso: caught === BOTH,
  };
}

function readProc(path: string): string | undefined {
  const fd = openProc(path);
  if (fd === undefined) return undefined;
  const text = readFd(fd);
  closeSync(fd);
  return text;
}

/** @throws if the process may well exist but cannot be read: out of descriptors or memory */
function openProc(path: string): number | undefined {
  return ifThere(() => {
    try {
      return openSync(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EMFILE' || open.size === 0) throw error;
      forgetProcesses();
      return openSync(path, 'r');
    }
  });
}

/** From its beginning. @throws as openProc */
function readFd(fd: number): string | undefined {
  return ifThere(() => {
    let length = 0;
    for (;;) {
      const got = readSync(fd, buffer, length, buffer.length - length, length);
      length += got;
      // The kernel produces the text for one read, as much of it as fits: there is more only if the buffer is full.
      if (got === 0 || length < buffer.length || length >= MAX_STATUS_BYTES)
        return buffer.toString('latin1', 0, length);
      buffer = Buffer.concat([buffer], buffer.length * 2);
    }
  });
}

function ifThere<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: it ended between open and read. EACCES, EPERM: hidepid (proc(5)), so not ours.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM')
      return undefined;
    throw explained(error);
  }
}
