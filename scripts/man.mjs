// Writes the man pages from the same definitions as --help: sigmq(1), and one for each main command.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sigmq } from '../dist/src/cli/sigmq.js';
import { VERSION } from '../dist/src/version.js';

const folder = fileURLToPath(new URL('../dist/man', import.meta.url));

const EXIT = [
  ['0', 'Done. For send: the broker has the message, and keeps it.'],
  ['1', 'Something unexpected; for ask: the message was handled without a reply.'],
  ['64', 'Wrong use of the command.'],
  [
    '65',
    'The message is too large, or cannot be sent to this broker; or there is no message with that id.',
  ],
  ['69', 'No broker is running, or it went away.'],
  ['70', 'A bug in sigmq.'],
  ['73', 'The runtime directory or the store cannot be created.'],
  [
    '75',
    'Try again: the queue is full, the message was not confirmed, or --count was not reached.',
  ],
  ['77', 'Not permitted: the runtime directory or the store is not safe.'],
  [
    '78',
    'Configuration: another broker is running there, or the store or the configuration file is not readable.',
  ],
  ['124', '--timeout has expired.'],
  [
    'any other',
    'Of ask: the exit code of the command that replied, which may be any; an error of sigmq itself is said on standard error.',
  ],
  ['126, 127', 'The command of consume cannot be started, or was not found.'],
  [
    '128+n',
    'Ended by signal n. On SIGTERM or SIGHUP, consume exits with 0 if it has no --count, or has reached it; on SIGINT it always ends as if by the signal, once what was in hand is done.',
  ],
];

/** What becomes of a message, by how its command ends. */
const COMMAND = [
  ['0', 'Done.'],
  ['65', 'Dead at once: the message is not delivered again.'],
  ['75', 'Given back: the message is delivered again later, and no attempt is spent.'],
  [
    'anything else',
    'A failed attempt, including 126 and 127. But a command that dies of the same signal that stops the consumer, as when a service manager signals a whole group, gives its message back. How it ended, and the last 1024 bytes of its standard error, which is a pipe that goes on to that of the consumer, are kept with the message: see `sigmq dead show`.',
  ],
  [
    'not started',
    'If the command does not exist, or cannot be executed, the consumer gives the message back and exits with 127 or 126. If the reason is temporary (text file busy, no memory, too many processes or open files), it gives the message back and carries on.',
  ],
];

const REPLY = [
  [
    'anything else',
    'What the command has written to its standard output is the reply, and its exit code that of sigmq ask. The message is done: an exit code other than 0 is an answer, too, and no failed attempt.',
  ],
  ['65', 'Dead at once: sigmq ask exits with 65, without a reply.'],
  ['75', 'Given back: who asks waits for the next attempt.'],
  [
    'killed',
    'By a signal, or by --job-timeout: a failed attempt. When it was the last one, sigmq ask exits with 128+n, or 124.',
  ],
  [
    'too long',
    'A command that writes more than the largest message that the broker accepts is killed; the message is dead.',
  ],
];

const BATCH = [
  ['SIGMQ_MESSAGE_IDS', 'The ids of all messages, separated by spaces.'],
  ['SIGMQ_MESSAGE_COUNT', 'How many they are.'],
  ['SIGMQ_MESSAGE_QUEUE', 'Their queue, if it is one.'],
];

const TOLD = [
  ['SIGMQ_MESSAGE_ID, SIGMQ_ID', 'The id of the message; the same for all attempts.'],
  [
    'SIGMQ_MESSAGE_QUEUE',
    'The queue that it comes from; for a group, the queue that it is a group of.',
  ],
  ['SIGMQ_MESSAGE_ATTEMPT, SIGMQ_ATTEMPT', '1 for the first delivery.'],
  ['SIGMQ_MESSAGE_RELEASES', 'How often it was given back.'],
  [
    'SIGMQ_MESSAGE_HEADER_<NAME>',
    'A header; anything but A-Z and 0-9 in its name becomes _. If a name occurs more than once, the first header counts, as with --json and %h.',
  ],
];

const FILES = [
  [
    '$SIGMQ_DIR, $XDG_RUNTIME_DIR/sigmq or /tmp/sigmq-UID',
    'The runtime directory: broker.pid, consumers.txt, bus.',
  ],
  [
    '$XDG_STATE_HOME/sigmq',
    'Messages: a folder for each runtime directory, with an SQLite file queue.db, its log (copy both with `sigmq backup` only), and queue.reserve, which keeps room for consumers when the disk is full.',
  ],
  [
    '$XDG_CONFIG_HOME/sigmq/config.json',
    'Defaults for options: {"queue": "mail", "broker": {"fsync": "100ms"}}. Flags and the environment take precedence.',
  ],
];

const SIGNALS = {
  broker: [
    ['SIGINT, SIGTERM', 'Finishes the frames under way and ends; a second one ends it at once.'],
    [
      'SIGHUP',
      'The same, if a standard stream is a terminal; otherwise ignored, as nohup(1) wants it.',
    ],
    ['SIGUSR1, SIGUSR2', 'Bits of messages.'],
  ],
};
SIGNALS.consume = [
  ['SIGINT, SIGTERM', 'Settles what is in hand and ends; a second one ends it at once.'],
  ...SIGNALS.broker.slice(1),
];

const EXAMPLES = {
  sigmq: ['sigmq broker', 'sigmq consume', 'sigmq send "hello"'],
  broker: [
    'sigmq broker',
    'sigmq broker --memory --log-level warn',
    'sigmq broker --data ~/jobs --fsync 100ms',
    'sigmq broker --store postgres://jobs@db.example.org/jobs',
  ],
  consume: [
    'sigmq consume',
    "sigmq consume -q mail -j 4 -- sh -c 'sendmail -t'",
    'sigmq consume -c1 -e --quiet',
    "sigmq consume -F '%i %p\\n'",
    'sigmq consume --batch 100 --linger 5s -- ./import-rows',
  ],
  ask: [
    'sigmq ask -q sums 1+2',
    'sigmq ask -W 1m --file job.json >result.json',
    "sigmq consume -q sums --reply -- sh -c '(cat; echo) | bc -l'",
  ],
  send: [
    'sigmq send "hello"',
    'ls | sigmq send --lines',
    'sigmq send --pid 4242 --order msb hello',
    'sigmq send --vcd hi.vcd hi && sigmq scope hi.vcd',
    'find . -print0 | sigmq send -0',
    'sigmq send --wait -W 1m --file photo.jpg',
  ],
};

/** roff takes a backslash, and a dot or quote at the start of a line, for its own. */
const text = (words) =>
  words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');

const tagged = (entries) =>
  entries.flatMap(([tag, what]) => ['.TP', `.B ${text(tag)}`, text(what)]);

function optionsOf(command) {
  return tagged(
    command.options
      .filter(({ hidden }) => !hidden)
      .map(({ flags, description, defaultValue, defaultValueDescription, envVar, argChoices }) => [
        flags,
        [
          description,
          ...(argChoices ? [`(${argChoices.join(', ')})`] : []),
          ...(defaultValue === undefined || defaultValue === true
            ? []
            : [`Default: ${defaultValueDescription ?? defaultValue}.`]),
          ...(envVar ? [`Environment: ${envVar}.`] : []),
        ].join(' '),
      ]),
  );
}

const usageOf = (command, name) => `.B ${text(name)}\n${text(command.usage())}`;

function page(title, summary, sections) {
  const lines = [
    `.\\" Made by scripts/man.mjs from the definitions of the command line.`,
    `.TH ${title.toUpperCase()} 1 "" "sigmq ${VERSION}" "sigmq"`,
    '.SH NAME',
    `${text(title)} \\- ${text(summary)}`,
    ...sections.flatMap(([heading, content]) => [`.SH ${heading}`, ...content]),
  ];
  return `${lines.join('\n')}\n`;
}

const program = sigmq();
const example = (key) => [
  'EXAMPLES',
  EXAMPLES[key].flatMap((line) => ['.PP', '.nf', text(line), '.fi']),
];
const allCommands = (command, path) =>
  command.commands.flatMap((sub) => [
    [`${path}${sub.name()} ${sub.usage()}`, sub.description()],
    ...allCommands(sub, `${path}${sub.name()} `),
  ]);

mkdirSync(folder, { recursive: true });
const mains = ['broker', 'consume', 'send', 'ask'];
writeFileSync(
  join(folder, 'sigmq.1'),
  page('sigmq', program.description(), [
    ['SYNOPSIS', [usageOf(program, 'sigmq')]],
    ['COMMANDS', tagged(allCommands(program, ''))],
    ['EXIT STATUS', tagged(EXIT)],
    ['FILES', tagged(FILES)],
    example('sigmq'),
    ['SEE ALSO', [mains.map((name) => `.BR sigmq\\-${name} (1)`).join(',\n')]],
  ]),
);
for (const name of mains) {
  const command = program.commands.find((one) => one.name() === name);
  if (!command) throw new Error(`man: there is no command ${name}`);
  writeFileSync(
    join(folder, `sigmq-${name}.1`),
    page(`sigmq-${name}`, command.description(), [
      ['SYNOPSIS', [usageOf(command, `sigmq ${name}`)]],
      ['OPTIONS', optionsOf(command)],
      ...(name === 'consume'
        ? [
            [
              'THE COMMAND',
              [
                text(
                  'It is run without a shell, in a process group of its own, with the body as a file on its standard input (kept in $TMPDIR, or in the runtime directory) and the following variables in its environment, none of which configures a sigmq that the command runs. Limits are those of the caller.',
                ),
                ...tagged(TOLD),
                '.PP',
                'Its exit code decides what becomes of the message:',
                ...tagged(COMMAND),
                '.PP',
                text(
                  'With --reply, that of a message which somebody asks (sigmq ask) decides otherwise; its standard output is then not that of consume:',
                ),
                ...tagged(REPLY),
                '.PP',
                text(
                  'With --batch, it reads many messages, each followed by a newline (with --null, by a zero byte), and its exit code decides what becomes of all of them. A message that contains what ends one is not given to it, and fails by itself. The ack-wait of each message begins when it arrives, before --linger is over. In the environment are:',
                ),
                ...tagged(BATCH),
                '.PP',
                text(
                  'With --partial, each message follows its id and a tab, and the command prints the ids of those that it has done, one on a line of its own; anything else on its standard output counts for nothing and is said. Those that it has not named have failed, or with 75 are given back, or with 65 are dead.',
                ),
              ],
            ],
          ]
        : []),
      ...(SIGNALS[name] ? [['SIGNALS', tagged(SIGNALS[name])]] : []),
      ['EXIT STATUS', tagged(EXIT)],
      example(name),
      ['SEE ALSO', ['.BR sigmq (1)']],
    ]),
  );
}
