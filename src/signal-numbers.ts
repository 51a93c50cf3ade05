import { builtin } from './builtin.ts';

/** asm-generic/signal.h of Linux, which all architectures of Node use, except for MIPS. */
const COMMON = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGTRAP: 5,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGTERM: 15,
  SIGCHLD: 17,
  SIGXCPU: 24,
} as const;

const isCommon = process.platform === 'linux' && !process.arch.startsWith('mips');

/** The numbers of signals that masks are read for; every start of `sigmq send` would load node:os for them alone. */
export const SIGNALS: Readonly<Record<keyof typeof COMMON, number>> = isCommon
  ? COMMON
  : builtin('os').constants.signals;
