import { Option } from 'commander';
import { ONES, ORDERS } from '../codec/plain-coding.ts';

/** How plain peers put bytes into signals. */
export const codingOptions = () => [
  new Option('--order <order>', 'which bit of a byte goes first, to a plain peer (lsb)').choices(
    ORDERS,
  ),
  new Option('--one <signal>', 'which signal is a 1, to a plain peer (usr2)').choices(ONES),
];

/** Where the signals of a command are recorded. */
export const recordOptions = () => [
  new Option(
    '--vcd <file>',
    'record the time of each signal, for sigmq scope, GTKWave and sigrok; slows it down',
  ),
  new Option('--svg <file>', 'the same as a picture'),
  new Option('--force', 'let --vcd and --svg overwrite an existing file'),
];
