/**
 * What is known about one process. Without /proc the last six are `undefined` (not known), `state` is '?' and
 * `start` is 0: compare with `=== true`, never with `=== false`.
 */
export interface ProcessInfo {
  readonly pid: number;
  /** Real user id; undefined: not ours, and it is not known whose. */
  readonly uid: number | undefined;
  /** One letter of /proc/PID/stat: R S D T t Z X I; '?' when not known. */
  readonly state: string;
  /** When it started, in clock ticks since boot (field 22 of /proc/PID/stat); 0 when not known. */
  readonly start: number;
  /** SIGUSR1 and SIGUSR2 are blocked in its main thread. */
  readonly blocksBoth: boolean | undefined;
  /** Neither signal can kill it: each is caught, or blocked. */
  readonly catchesBoth: boolean | undefined;
  /** It catches nearly everything, including SIGTRAP and SIGXCPU: what it catches does not show what it expects. */
  readonly catchesAlike: boolean | undefined;
  /**
   * It catches SIGHUP, SIGTERM and SIGCHLD, too: it serves or runs other programs (tmux, nginx, PostgreSQL), to which
   * both signals are orders. Interpreters that catch these for all of their programs are not meant.
   */
  readonly catchesOrders: boolean | undefined;
  /** SIGUSR1 or SIGUSR2 is pending: SigPnd (main thread) or ShdPnd (process). */
  readonly pending: boolean | undefined;
  /** Of these, SigPnd: a bit or an echo of an echo peer that it has yet to take. */
  readonly threadPending: boolean | undefined;
}

export interface ProcessTable {
  /** Whether masks, pending signals and start times are known: false without /proc. */
  readonly knowsSignals: boolean;
  readonly selfPid: number;
  readonly selfUid: number;
  /** @returns undefined if there is no such process; a zombie is returned with state Z */
  read(pid: number): ProcessInfo | undefined;
  /** Whether it is a Ruby interpreter that reads lines from people, like irb. Takes some 0.1 ms. */
  hasLineEditor(pid: number): boolean;
}

/** It has ended, but its parent has not asked for its status yet (or it is about to disappear). */
export function isDead(info: ProcessInfo): boolean {
  return info.state === 'Z' || info.state === 'X' || info.state === 'x';
}

/** Whether it is the process that started then, and has not ended. */
export function isRunning(info: ProcessInfo | undefined, start: number): info is ProcessInfo {
  return info?.start === start && !isDead(info);
}

/** Stopped by a signal (Ctrl-Z) or a debugger: it answers nothing until it is continued. */
export function isStopped(info: ProcessInfo | undefined): boolean {
  return info?.state === 'T' || info?.state === 't';
}
