import { clockMs } from '../clock.ts';
import { printError } from './output.ts';
import { jsonText } from './visible.ts';

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_FORMATS = ['text', 'json'] as const;

export interface LogFlags {
  readonly logLevel: (typeof LEVELS)[number];
  readonly logFormat: (typeof LOG_FORMATS)[number];
}

type Level = (typeof LEVELS)[number];

/** The same warning is reported only once in this time, because what fails is tried again and again; ms. */
const REPEAT_MS = 60_000;
/** How many warnings are remembered for that. */
const MAX_WARNINGS_REMEMBERED = 100;

/** What the broker reports, on stderr: as sentences, or one line of JSON each. */
export function log({ logLevel, logFormat }: LogFlags) {
  const least = LEVELS.indexOf(logLevel);
  const lineOf = LINES[logFormat];
  const repeats = new Repeats();
  return (level: Level, message: string): void => {
    if (LEVELS.indexOf(level) < least) return;
    if (level === 'info' || level === 'debug') {
      printError(lineOf(level, message));
      return;
    }
    const times = repeats.count(`${level} ${message}`);
    if (times === undefined) return;
    const more = times > 0 ? ` (${times} more times since it was last reported)` : '';
    printError(lineOf(level, `${message}${more}`));
  };
}

/** Stands in for lines that nobody read; see neverWaitForReaders. */
export function missingLines({ logFormat }: Pick<LogFlags, 'logFormat'>) {
  return (count: number): string =>
    LINES[logFormat]('warn', `${count} lines are missing here because nobody read them.`);
}

/** Counts what is repeated too soon. */
class Repeats {
  readonly #known = new Map<string, { until: number; times: number }>();

  /** How often it was held back since it was last reported; undefined: hold it back this time, too. */
  count(text: string): number | undefined {
    const now = clockMs();
    const known = this.#known.get(text);
    if (known && now < known.until) {
      known.times++;
      return undefined;
    }
    if (this.#known.size >= MAX_WARNINGS_REMEMBERED) this.#known.clear();
    this.#known.set(text, { until: now + REPEAT_MS, times: 0 });
    return known?.times ?? 0;
  }
}

function textLine(level: Level, message: string): string {
  return `sigmq: ${level === 'info' || level === 'debug' ? message : `${level}: ${message}`}\n`;
}

function jsonLine(level: Level, message: string): string {
  return `${jsonText({ time: new Date().toISOString(), level, message })}\n`;
}

const LINES = { text: textLine, json: jsonLine };
