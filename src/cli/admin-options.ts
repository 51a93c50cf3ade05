import { Option } from 'commander';
import type { AdminAction } from './admin.ts';
import type { AdminFlags } from './admin-flags.ts';

/** Does what a command is for, and sets the exit code. */
export type RunAdmin = (
  action: AdminAction,
  flags: AdminFlags,
  queue?: string,
  ids?: readonly number[],
) => Promise<void>;

/** The store that is meant where there is no broker. */
export const dataOption = () =>
  new Option('--data <folder>', 'store to look into if no broker is running');
