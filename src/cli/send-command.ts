import type { Command } from 'commander';
import { command, value } from './common.ts';
import { parseDuration } from './values.ts';

export interface SendFlags {
  readonly dir?: string;
  readonly file?: string;
  readonly lines?: true;
  readonly timeout?: number;
}

export function sendCommand(name = 'send'): Command {
  return command(name, 'Send a message and wait until the broker has accepted it.')
    .argument('[message...]', 'the message; words are joined by a space; - reads standard input')
    .option('-f, --file <path>', 'send the content of a file as one message; - is standard input')
    .option('-l, --lines', 'send each line of the file, or of standard input, as a message')
    .option('-W, --timeout <duration>', 'give up after this (500ms, 2s, 5m)', value(parseDuration))
    .action(async (words: string[], flags: SendFlags) => {
      const { send } = await import('./send.ts');
      process.exitCode = await send(words, flags);
    });
}
