import chalk from 'chalk';
import { print } from './output.ts';
import { visible } from './visible.ts';

type FindingMark = 'ok' | 'note' | 'bad';

/** Prints what it finds; `bad` makes the exit code 1. */
export class Findings {
  bad = 0;

  say(mark: FindingMark, text: string): void {
    if (mark === 'bad') this.bad++;
    const colour = { ok: chalk.green, note: chalk.yellow, bad: chalk.red }[mark];
    print(`${colour(mark.padEnd(5))}${visible(text)}\n`);
  }
}
