import { Argument, type Command, Option } from 'commander';
import { DEFAULT_QUEUE } from '../codec/fields.ts';
import { groupQueue } from '../options/groups.ts';
import { priority } from '../options/values.ts';
import { storeErrors } from '../queue/errors.ts';
import { STATES } from '../queue/message.ts';
import type { AdminFlags } from './admin-flags.ts';
import { dataOption, type RunAdmin } from './admin-options.ts';
import { command, onlyGiven, value } from './common.ts';
import { queueCommand } from './queue-command.ts';
import type { TransferFlags } from './transfer.ts';
import { parseCount, parseGroup, parsePause, parseQueue, parseQueueOrGroup } from './values.ts';

const count = value(parseCount(1, 1e6));
const id = value(parseCount(1, Number.MAX_SAFE_INTEGER));
/** What the configuration file says of these is meant for what is sent. */
const OF_MESSAGES = ['queue', 'priority', 'delay'] as const;

const queueArgument = () =>
  new Argument('[queue]', 'which one').default(DEFAULT_QUEUE).argParser(value(parseQueueOrGroup));
const idsArgument = () => new Argument('[id...]', 'which ones (all)').argParser(ids);

/** What a consumer holds cannot be removed from under it. */
function removable(option: Option): Option {
  const { parseArg } = option;
  return option.argParser((text, before) => {
    const state = parseArg?.(text, before);
    return value(() => {
      if (state === 'reserved') throw storeErrors.reservedStays();
      return state;
    })(text);
  });
}

function ids(text: string, before: number[] = []): number[] {
  return [...before, id(text)];
}

/** Everything besides the three main commands: inspecting a broker and its queues, and changing them. */
export function adminCommands(): Command[] {
  return [
    command('status', 'Show the broker, its queues and its consumers.')
      .option('--json', 'as JSON')
      .action((flags: AdminFlags) => run('status', flags)),
    command('ls', 'List the queues and how many messages are in them.')
      .option('-l, --long', 'with what is set for each: see `sigmq queue set`')
      .option('--json', 'as JSON, one line per queue')
      .addOption(dataOption())
      .action((flags: AdminFlags) => run('ls', flags)),
    command('peek', 'Show messages without taking them.')
      .addArgument(queueArgument())
      .option('-c, --count <n>', 'how many (10)', count)
      .addOption(new Option('-s, --state <state>', 'only those').choices(STATES))
      .option('--json', 'as JSON, one line per message')
      .addOption(dataOption())
      .action((queue: string, flags: AdminFlags) => run('peek', flags, queue)),
    command('show', 'Show a message: what is known of it, and its body.')
      .argument('<id>', 'which one', id)
      .addOption(new Option('--body', 'only its body, byte for byte').conflicts('json'))
      .option('--json', 'as a line of JSON')
      .addOption(dataOption())
      .action((which: number, flags: AdminFlags) => run('show', flags, undefined, [which])),
    command('edit', 'Change messages that are waiting.')
      .addArgument(new Argument('<id...>', 'which ones').argParser(ids))
      .option('-q, --queue <name>', 'move them to this queue', value(parseQueue))
      .option('--priority <n>', 'higher is delivered first', value(priority.parse))
      .option(
        '--delay <duration>',
        'deliver them no earlier than this from now; 0s: now',
        value(parsePause),
      )
      .addOption(dataOption())
      .action((which: number[], flags: AdminFlags, edit: Command) =>
        run('edit', onlyGiven(flags, edit, OF_MESSAGES), undefined, which),
      ),
    command('rm', 'Remove messages by their ids, except those that consumers hold.')
      .addArgument(new Argument('<id...>', 'which ones').argParser(ids))
      .addOption(dataOption())
      .action((which: number[], flags: AdminFlags) => run('rm', flags, undefined, which)),
    command('purge', 'Remove all messages of a queue except those that consumers hold.')
      .addArgument(queueArgument())
      .addOption(removable(new Option('-s, --state <state>', 'only those').choices(STATES)))
      .option('--force', 'do not ask')
      .addOption(dataOption())
      .action((queue: string, flags: AdminFlags) => run('purge', flags, queue)),
    dead(),
    queueCommand(run),
    group(),
    command('pause', 'Pause deliveries from a queue; it still accepts messages.')
      .addArgument(queueArgument())
      .addOption(dataOption())
      .action((queue: string, flags: AdminFlags) => run('pause', flags, queue)),
    command('resume', 'Resume deliveries from a paused queue.')
      .addArgument(queueArgument())
      .addOption(dataOption())
      .action((queue: string, flags: AdminFlags) => run('resume', flags, queue)),
    command('drain', 'Stop accepting messages, deliver what is queued, then stop.')
      .option('--paused', 'include paused queues, whose messages otherwise stay in the store')
      .addOption(new Option('--cancel', 'cancel: accept messages again').conflicts('paused'))
      .action((flags: AdminFlags) => run('drain', flags)),
    command('stop', 'Stop the broker.').action((flags: AdminFlags) => run('stop', flags)),
    command('backup', 'Copy the store to a file while the broker is running.')
      .argument('<file>', 'file to write')
      .option('--force', 'overwrite an existing file')
      .option('--data <folder>', 'store to copy if no broker is running')
      .action(async (file: string, flags: AdminFlags) => {
        const { backup } = await import('./backup.ts');
        process.exitCode = await backup(file, flags);
      }),
    transferCommand(
      'export',
      'Write all messages as lines of JSON, also while brokers are running.',
    )
      .argument('[file]', 'file to write; -: standard output', '-')
      .option('--force', 'overwrite an existing file')
      .action(async (file: string, flags: TransferFlags) => {
        const { exportTo } = await import('./transfer.ts');
        process.exitCode = await exportTo(file, flags);
      }),
    transferCommand('import', 'Add the messages that `sigmq export` wrote: all of them, or none.')
      .argument('[file]', 'file to read; -: standard input', '-')
      .action(async (file: string, flags: TransferFlags) => {
        const { importFrom } = await import('./transfer.ts');
        process.exitCode = await importFrom(file, flags);
      }),
    command('doctor', 'Diagnose problems with this setup.')
      .option('--clean', 'remove what dead processes left behind')
      .addOption(dataOption())
      .action(async (flags: AdminFlags) => {
        const { doctor } = await import('./doctor.ts');
        process.exitCode = await doctor(flags);
      }),
  ];
}

function transferCommand(name: string, text: string): Command {
  return command(name, text)
    .option('--data <folder>', 'the store that is meant (that of the running broker)')
    .addOption(
      new Option('--store <url>', 'a store in PostgreSQL ($SIGMQ_STORE)').conflicts('data'),
    );
}

function dead(): Command {
  const queue = [
    '-q, --queue <name>',
    'queue (default)',
    value(parseQueueOrGroup),
    DEFAULT_QUEUE,
  ] as const;
  type Flags = AdminFlags & { queue: string };
  return command('dead', 'List dead messages, show one, bring them back, remove them.')
    .addCommand(
      command('ls', 'List dead messages.')
        .option(...queue)
        .option('-c, --count <n>', 'how many (100)', count)
        .option('-l, --long', 'with the last failure of each')
        .option('--json', 'as JSON, one line per message')
        .addOption(dataOption())
        .action((flags: Flags) => run('dead-ls', flags, flags.queue)),
    )
    .addCommand(
      command('show', 'Show dead messages: what is known of them, why they failed, their bodies.')
        .addArgument(idsArgument())
        .option(...queue)
        .addOption(new Option('--body', 'only the bodies, byte for byte').conflicts('json'))
        .option('--json', 'as JSON, one line per message')
        .addOption(dataOption())
        .action((which: number[], flags: Flags) => run('dead-show', flags, flags.queue, which)),
    )
    .addCommand(
      command('kick', 'Make dead messages ready again, with all their attempts.')
        .addArgument(idsArgument())
        .option(...queue)
        .option('--to <queue>', 'in this queue instead of their own', value(parseQueue))
        .addOption(dataOption())
        .action((which: number[], flags: Flags) => run('dead-kick', flags, flags.queue, which)),
    )
    .addCommand(
      command('rm', 'Remove dead messages for good.')
        .addArgument(idsArgument())
        .option(...queue)
        .option('--force', 'do not ask')
        .addOption(dataOption())
        .action((which: number[], flags: Flags) => run('dead-rm', flags, flags.queue, which)),
    );
}

function group(): Command {
  return command('group', 'List the groups of queues, remove one.')
    .addCommand(
      command('ls', 'List groups and how many messages wait for each.')
        .addArgument(
          new Argument('[queue]', 'only those of this queue').argParser(value(parseQueue)),
        )
        .option('--json', 'as JSON, one line per group')
        .addOption(dataOption())
        .action((queue: string | undefined, flags: AdminFlags) =>
          run('group-ls', flags, queue ?? ''),
        ),
    )
    .addCommand(
      command('rm', 'Remove a group that has no consumers, and all of its messages.')
        .argument('<queue>', 'its queue', value(parseQueue))
        .argument('<group>', 'which one', value(parseGroup))
        .option('--force', 'do not ask')
        .addOption(dataOption())
        .action((queue: string, name: string, flags: AdminFlags) =>
          run('group-rm', flags, groupQueue(queue, name)),
        ),
    );
}

const run: RunAdmin = async (action, flags, queue = DEFAULT_QUEUE, which = []) => {
  const { admin } = await import('./admin.ts');
  process.exitCode = await admin(action, flags, queue, which);
};
