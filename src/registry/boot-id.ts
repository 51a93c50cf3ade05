import { readFileSync } from 'node:fs';

/** Changes with each boot of this machine; always `boot` where the kernel does not tell. */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return 'boot';
  }
}
