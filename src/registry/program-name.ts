import { readFileSync } from 'node:fs';
import { quietly } from '../quietly.ts';

/**
 * The name of the program that a process runs, as ps(1) shows it: up to 15 bytes, which the program may have chosen
 * itself; undefined: it has ended, or there is no /proc.
 */
export function programName(pid: number): string | undefined {
  const text = quietly(() => readFileSync(`/proc/${pid}/comm`, 'utf8'));
  return text?.replace(/\n$/, '');
}
