import { closeSync, openSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import type { ProcessInfo, ProcessTable } from './process-table.ts';

/** Bit n-1 of a mask is signal n (proc(5)). Both signals are below 32 on every architecture of Linux. */
const BOTH = (1 << (constants.signals.SIGUSR1 - 1)) | (1 << (constants.signals.SIGUSR2 - 1));
/** /proc/PID/status has 1.5 KB; only a long list of groups makes more. The kernel allows 65,536. */
const MAX_BYTES = 1 << 20;
/** Fields of /proc/PID/stat, counted from the state, which is field 3 of proc(5). */
const START_FIELD = 22 - 3;

/** Shared: a table is read once per frame, and once per bit when pacing, so allocate nothing. */
let buffer = Buffer.allocUnsafe(8192);

export const linuxProcessTable: ProcessTable = {
  knowsSignals: true,
  selfPid: process.pid,
  selfUid: process.getuid?.() ?? -1,
  read(pid) {
    if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
    // The masks last: should the PID change hands in between, they are those of the process that would
    // get the signal, and the start time is the old one, or theirs.
    const stat = readProc(`/proc/${pid}/stat`);
    const status = stat === undefined ? undefined : readProc(`/proc/${pid}/status`);
    if (stat === undefined || status === undefined) return undefined;
    return parseProcess(pid, stat, status);
  },
};

/**
 * Reads what the kernel says in /proc/PID/stat and /proc/PID/status.
 * @returns undefined when a field is missing
 */
export function parseProcess(pid: number, stat: string, status: string): ProcessInfo | undefined {
  // The name stands in parentheses and may have any character in it, ')' and ' ' too; what follows has
  // no parenthesis. In status the kernel escapes a newline in the name, so lines can be trusted.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const start = Number(fields[START_FIELD] ?? Number.NaN);
  const uid = Number.parseInt(field(status, 'Uid'), 10);
  if (!state || !Number.isSafeInteger(start) || Number.isNaN(uid)) return undefined;
  const blocked = mask(status, 'SigBlk');
  const harmless = blocked | mask(status, 'SigCgt');
  return {
    pid,
    uid,
    state,
    start,
    blocksBoth: blocked === BOTH,
    catchesBoth: harmless === BOTH,
    pending: (mask(status, 'SigPnd') | mask(status, 'ShdPnd')) !== 0,
  };
}

/** The value of a line of /proc/PID/status; empty when there is none. */
function field(status: string, name: string): string {
  const at = status.indexOf(`\n${name}:\t`);
  if (at === -1) return '';
  const from = at + name.length + 3;
  const end = status.indexOf('\n', from);
  return status.slice(from, end === -1 ? undefined : end);
}

/** The bits of our two signals in a mask: its last 8 hexadecimal digits are signals 1 to 32. */
function mask(status: string, name: string): number {
  return Number.parseInt(field(status, name).slice(-8) || '0', 16) & BOTH;
}

/** @throws when the process may well be there but cannot be read: out of descriptors or memory */
function readProc(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    let length = 0;
    for (;;) {
      const got = readSync(fd, buffer, length, buffer.length - length, null);
      length += got;
      // The kernel makes the text for one read, as much of it as fits: there is more only if it is full.
      if (got === 0 || length < buffer.length || length >= MAX_BYTES)
        return buffer.toString('latin1', 0, length);
      buffer = Buffer.concat([buffer], buffer.length * 2);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: it ended between open and read. EACCES, EPERM: hidepid (proc(5)), so not ours.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM')
      return undefined;
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
