import { isDead, type ProcessInfo, type ProcessTable } from './process-table.ts';

/** pid_t is a signed 32-bit integer; a larger number would name another process when cut off. */
const MAX_PID = 0x7fff_ffff;

/** Why a process may not get a signal. */
export type VetFailure =
  | 'invalid'
  | 'self'
  | 'not-running'
  | 'not-ours'
  | 'recycled'
  | 'would-be-killed';

export type Vetted =
  | { readonly ok: true; readonly kind: 'echo' | 'plain'; readonly info: ProcessInfo }
  | { readonly ok: false; readonly why: VetFailure };

export interface Registered {
  /** Start time that was written down, in clock ticks since boot; absent or 0: none was. */
  readonly start?: number | undefined;
}

/**
 * Whether a process may get SIGUSR1 and SIGUSR2, and how (docs/protocol.md, section 2). Call it before
 * the first signal of every frame. Root may signal all processes; that does not make them ours.
 */
export function vetTarget(pid: number, registered: Registered, table: ProcessTable): Vetted {
  if (!isPid(pid)) return { ok: false, why: 'invalid' };
  if (pid === table.selfPid) return { ok: false, why: 'self' };
  const info = table.read(pid);
  if (!info || isDead(info)) return { ok: false, why: 'not-running' };
  if (info.uid !== table.selfUid) return { ok: false, why: 'not-ours' };
  if (isOther(info, registered)) return { ok: false, why: 'recycled' };
  if (info.blocksBoth === true) return { ok: true, kind: 'echo', info };
  // Without /proc it is not known what a signal would do: section 5 of the design accepts that there.
  if (info.catchesBoth === true || !table.knowsSignals) return { ok: true, kind: 'plain', info };
  return { ok: false, why: 'would-be-killed' };
}

/** A number that may name one process: 0, -1 and other negative ones name groups. 1 may be ours in a container. */
export function isPid(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 0 && pid <= MAX_PID;
}

function isOther(info: ProcessInfo, { start = 0 }: Registered): boolean {
  return start !== 0 && info.start !== 0 && info.start !== start;
}

/** Whether the process that was registered has ended; its PID may be another's by now. */
export function isGone(vetted: Vetted): boolean {
  return !vetted.ok && (vetted.why === 'not-running' || vetted.why === 'recycled');
}

/** Says in one sentence why process `pid` gets no signal. */
export function vetSentence(pid: number, why: VetFailure): string {
  switch (why) {
    case 'invalid':
      return `${pid} is not a PID that may get a signal.`;
    case 'self':
      return `PID ${pid} is this process itself.`;
    case 'not-running':
      return `Process ${pid} does not run any more.`;
    case 'not-ours':
      return `Process ${pid} belongs to another user.`;
    case 'recycled':
      return `PID ${pid} now belongs to another process than the one that was registered.`;
    case 'would-be-killed':
      return `Process ${pid} neither catches nor blocks SIGUSR1 and SIGUSR2, so they would kill it.`;
  }
}
