import { isDead, type ProcessInfo, type ProcessTable } from './process-info.ts';
import { startedAfter } from './start-time.ts';

/** pid_t is a signed 32-bit integer; a larger number would name another process when truncated. */
const MAX_PID = 0x7fff_ffff;
/** The init of a system, or the first process of a container. */
const INIT = 1;

/** Why a process may not be signalled. */
export type VetFailure =
  | 'invalid'
  | 'self'
  | 'not-running'
  | 'not-ours'
  | 'recycled'
  | 'younger'
  | 'init'
  | 'would-be-killed'
  | 'indifferent'
  | 'interactive'
  | 'service'
  | 'unknown';

export type Vetted =
  | { readonly ok: true; readonly kind: 'echo' | 'plain'; readonly info: ProcessInfo }
  | { readonly ok: false; readonly why: VetFailure };

/** What was recorded about the process that is meant. */
export interface Registered {
  /** Its start time, in clock ticks since boot; absent or 0: not recorded. */
  readonly start?: number | undefined;
  /**
   * It started before this: the process that had its PID at that tick is not the one. Counts if there is no start
   * time.
   */
  readonly before?: number | undefined;
  /** The latest time at which its PID can have been written; ms since 1970. Counts if there is no start time. */
  readonly writtenMs?: number | undefined;
  /** Its own line says that it is a plain peer. */
  readonly saysPlain?: boolean | undefined;
  /** A person has named it by its PID, and there is nothing else that it is known by. */
  readonly isNamed?: boolean | undefined;
}

/**
 * Whether a process may be sent SIGUSR1 and SIGUSR2, and how (docs/protocol.md, section 2). Call it before the
 * first signal of every frame. Root may signal all processes; that does not make them ours.
 */
export function vetTarget(pid: number, registered: Registered, table: ProcessTable): Vetted {
  if (!isPid(pid)) return { ok: false, why: 'invalid' };
  if (pid === table.selfPid) return { ok: false, why: 'self' };
  const info = table.read(pid);
  if (!info || isDead(info)) return { ok: false, why: 'not-running' };
  if (info.uid !== table.selfUid) return { ok: false, why: 'not-ours' };
  const other = otherThan(registered, info);
  if (other) return { ok: false, why: other };
  if (pid === INIT && !isMeant(registered, info)) return { ok: false, why: 'init' };
  if (info.blocksBoth === true) return { ok: true, kind: 'echo', info };
  const why = objection(info, registered, table);
  return why ? { ok: false, why } : { ok: true, kind: 'plain', info };
}

/** A number that may name one process: 0, -1 and other negative numbers name groups. 1 may be ours in a container. */
export function isPid(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 0 && pid <= MAX_PID;
}

function otherThan(
  { start = 0, before = 0, writtenMs }: Registered,
  info: ProcessInfo,
): 'recycled' | 'younger' | undefined {
  if (info.start === 0) return undefined;
  if (start !== 0) return info.start === start ? undefined : 'recycled';
  if (before !== 0 && info.start > before) return 'recycled';
  if (before === info.start) return 'younger';
  return writtenMs !== undefined && startedAfter(info.start, writtenMs) ? 'younger' : undefined;
}

/**
 * Every file is younger than init, and several kinds of init block or catch both signals: only a start time shows
 * that PID 1 is a peer. There is no file for a process that sends us signals on its own (no `writtenMs`).
 */
function isMeant(
  { start = 0, writtenMs, saysPlain, isNamed = false }: Registered,
  info: ProcessInfo,
): boolean {
  if (isNamed) return false;
  if (start === 0 && writtenMs !== undefined) return false;
  return info.blocksBoth === true || (start !== 0 && saysPlain === true);
}

/** What speaks against a plain peer: catching both signals alone is not consent. */
function objection(
  info: ProcessInfo,
  { saysPlain, isNamed }: Registered,
  table: ProcessTable,
): VetFailure | undefined {
  // Without /proc it is not known what a signal would do: that is accepted there (docs/security.md).
  if (!table.knowsSignals) return isNamed ? 'unknown' : undefined;
  if (info.catchesBoth !== true) return 'would-be-killed';
  if (saysPlain) return undefined;
  if (info.catchesAlike === true) return 'indifferent';
  if (isNamed && info.catchesOrders !== false) return 'service';
  return table.hasLineEditor(info.pid) ? 'interactive' : undefined;
}

/** Whether the process that was registered has ended; its PID may belong to another by now. */
export function isGone(vetted: Vetted): boolean {
  return !vetted.ok && (vetted.why === 'not-running' || vetted.why === 'recycled');
}

/** Says in one sentence why process `pid` is not signalled. */
export function vetSentence(pid: number, why: VetFailure): string {
  switch (why) {
    case 'invalid':
      return `${pid} is not a PID that may be sent a signal.`;
    case 'self':
      return `PID ${pid} is this process itself.`;
    case 'not-running':
      return `Process ${pid} is no longer running.`;
    case 'not-ours':
      return `Process ${pid} belongs to another user.`;
    case 'recycled':
      return `PID ${pid} now belongs to a different process from the one that was registered.`;
    case 'younger':
      return `PID ${pid} now belongs to another process: one that started after the PID was written down.`;
    case 'init':
      return `Process ${pid} is the first process of the system, and no start time shows that it is a peer.`;
    case 'would-be-killed':
      return `Process ${pid} neither catches nor blocks SIGUSR1 and SIGUSR2, so they would kill it.`;
    case 'indifferent':
      return `Process ${pid} catches nearly all signals alike, as an interactive shell does, so it need not expect SIGUSR1 and SIGUSR2.`;
    case 'interactive':
      return `Process ${pid} is an interactive Ruby (it has loaded a line editor), which SIGUSR1 and SIGUSR2 would kill.`;
    case 'service':
      return `Process ${pid} also catches SIGHUP, SIGTERM and SIGCHLD, as tmux and servers do, to which SIGUSR1 and SIGUSR2 are orders.`;
    case 'unknown':
      return `It cannot be known what SIGUSR1 and SIGUSR2 would do to process ${pid}: there is no /proc here.`;
  }
}
