import type { Command } from 'commander';
import type { AskFlags } from './ask.ts';
import { command, value } from './common.ts';
import { headerOption, priorityOption, queueOption } from './message-options.ts';
import { parseDuration } from './values.ts';

export function askCommand(): Command {
  const ask = command('ask', 'Send a message, wait for the reply, and print it.');
  return ask
    .argument('[message...]', 'the message; words are joined by spaces; - reads standard input')
    .addOption(queueOption())
    .option('-f, --file <path>', 'send the contents of a file; - is standard input')
    .addOption(headerOption())
    .addOption(priorityOption())
    .option(
      '-W, --timeout <duration>',
      'exit with 124 if there is no reply in time (500ms, 2s, 5m)',
      value(parseDuration),
    )
    .option(
      '--ttl <duration>',
      'discard it if no consumer takes it in time (as --timeout)',
      value(parseDuration),
    )
    .option('--wait', 'wait for a broker if none is running, however long')
    .option('--no-compress', 'send the message as it is, not packed')
    .option('--quiet', 'print nothing but the reply and errors')
    .action(async (words: string[], flags: AskFlags) => {
      const { ask: run } = await import('./ask.ts');
      const code = await run(words, flags);
      if (code === 'help') ask.help({ error: true });
      process.exitCode = code;
    });
}
