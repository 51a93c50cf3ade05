import { registryErrors } from './errors.ts';
import { isPid } from './vet.ts';

/** As read by `startOf`; 0 is written where a start time cannot be known. */
const START_TICKS = /^(0|[1-9][0-9]{0,14})$/;

/**
 * Called before a process is recorded, or looked for: junk would name none, or another one.
 * @param start clock ticks since boot; 0 and undefined: not known
 * @throws RegistryError bad-pid, bad-start
 */
export function assertProcess(pid: number, start?: number | string): void {
  if (!isPid(pid)) throw registryErrors.badPid(pid);
  if (start !== undefined && !START_TICKS.test(String(start))) throw registryErrors.badStart(start);
}
