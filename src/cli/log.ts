import type { BrokerEvent } from '../broker/broker.ts';
import { printError } from './output.ts';
import { say } from './report.ts';
import { jsonText } from './visible.ts';

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const FORMATS = ['text', 'json'] as const;

export interface LogFlags {
  readonly logLevel: (typeof LEVELS)[number];
  readonly logFormat: (typeof FORMATS)[number];
}

/** What the broker has to say, on stderr: as sentences, or a line of JSON each. */
export function log({ logLevel, logFormat }: LogFlags) {
  const least = LEVELS.indexOf(logLevel);
  return (level: BrokerEvent['level'], message: string): void => {
    if (LEVELS.indexOf(level) < least) return;
    if (logFormat === 'json') {
      const time = new Date().toISOString();
      printError(`${jsonText({ time, level, message })}\n`);
    } else say(level === 'info' || level === 'debug' ? message : `${level}: ${message}`);
  };
}
