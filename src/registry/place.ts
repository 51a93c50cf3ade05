import { readlinkSync, statSync } from 'node:fs';
import { readBootId } from './boot-id.ts';

/**
 * Tells a runtime directory from every other on any host. PIDs that were written down there mean something only to
 * who sees the same ones: as long as the host runs, in the same container.
 */
export function placeOf(dir: string): string {
  const { dev, ino } = statSync(dir);
  return `${readBootId()} ${pidNamespace()} ${dev}:${ino}`;
}

/** https://man7.org/linux/man-pages/man7/pid_namespaces.7.html */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return 'pid';
  }
}
