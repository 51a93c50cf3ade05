import { type Command, Option } from 'commander';
import { BIT_ACKS, MESSAGE_ACKS } from '../codec/plain-coding.ts';
import { command } from './common.ts';
import type { ListenFlags } from './listen.ts';
import { codingOptions, recordOptions } from './signal-options.ts';

export function listenCommand(): Command {
  const listen = command(
    'listen',
    'Print what any process sends to this one, and show how; needs no broker.',
  );
  for (const option of [...codingOptions(), ...recordOptions()]) listen.addOption(option);
  return listen
    .option('--once', 'exit after the first message')
    .option('--raw', 'print each byte as it comes, and nothing else')
    .option('--json', 'print one line of JSON per signal, and one per message')
    .addOption(
      new Option('--ack-bit <signal>', 'answer each bit of a plain peer that waits for it').choices(
        BIT_ACKS,
      ),
    )
    .addOption(
      new Option('--ack-message <signal>', 'answer the last bit of a whole message so').choices(
        MESSAGE_ACKS,
      ),
    )
    .option('--quiet', 'print nothing but messages and errors')
    .action(async (flags: ListenFlags) => {
      const { listen: run } = await import('./listen.ts');
      process.exitCode = await run(flags);
    });
}
