import { Option } from 'commander';
import { priority } from '../options/values.ts';
import { collect, value } from './common.ts';
import { parseHeader, parseQueue } from './values.ts';

/** What can be said of a message, whether somebody waits for a reply or not. */
export const queueOption = () =>
  new Option('-q, --queue <name>', 'queue to send to (default)')
    .env('SIGMQ_QUEUE')
    .argParser(value(parseQueue));

export const headerOption = () =>
  new Option(
    '-H, --header <name:value>',
    'a header; may be repeated, even with the same name',
  ).argParser(collect(parseHeader));

export const priorityOption = () =>
  new Option('--priority <n>', 'higher is delivered first (0)').argParser(value(priority.parse));
