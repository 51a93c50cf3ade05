import { readdirSync, readlinkSync } from 'node:fs';
import { quietly } from '../quietly.ts';
import { readBrokerJson } from './broker-file.ts';
import { isRegistered } from './consumers-file.ts';

/** How a process takes part in a runtime directory. */
export interface Membership {
  readonly role: 'broker' | 'consumer';
  readonly dir: string;
}

/**
 * In which runtime directory a process is the broker, or a consumer: the one that is asked about, or one that it holds
 * open (see DirDescriptor). Undefined: in none.
 * @param start clock ticks since boot
 */
export function membershipOf(pid: number, start: number, dir: string): Membership | undefined {
  for (const place of new Set([dir, ...openDirectories(pid)])) {
    const broker = readBrokerJson(place);
    if (broker?.pid === pid && broker.start === start) return { role: 'broker', dir: place };
    const isConsumer = quietly(() => isRegistered(place, pid, start)) === true;
    if (isConsumer) return { role: 'consumer', dir: place };
  }
  return undefined;
}

/** Also what else it has open: looking for files in those does no harm. */
function openDirectories(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  const links = quietly(() => readdirSync(folder)) ?? [];
  return links.flatMap((name) => {
    const path = quietly(() => readlinkSync(`${folder}/${name}`));
    return path?.startsWith('/') ? [path] : [];
  });
}
