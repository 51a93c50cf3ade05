import { statSync } from 'node:fs';
import { isQueueName } from '../options/queue-name.ts';
import { configPath } from './config-path.ts';

/** What a send says that needs no other options. */
export interface SimpleSend {
  readonly words: readonly string[];
  readonly flags: { readonly dir?: string; readonly queue?: string };
}

const OPTIONS = new Map<string, keyof SimpleSend['flags']>([
  ['--dir', 'dir'],
  ['--queue', 'queue'],
  ['-q', 'queue'],
]);

/**
 * Most sends are words, perhaps with a directory and a queue. These are read here, because loading commander and
 * telling it all options takes as long as sending such a message does.
 * @param args what follows `send`
 * @returns undefined: commander has to read it, or to say what is wrong with it
 */
export function simpleSend(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): SimpleSend | undefined {
  const flags: { dir?: string; queue?: string } = {};
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    const option = OPTIONS.get(arg);
    if (option) {
      const value = args[++at];
      if (!value || value.startsWith('-') || flags[option] !== undefined) return undefined;
      flags[option] = value;
    } else if (arg.startsWith('-')) return undefined;
    else words.push(arg);
  }
  if (env.SIGMQ_DIR) flags.dir ??= env.SIGMQ_DIR;
  if (env.SIGMQ_QUEUE) flags.queue ??= env.SIGMQ_QUEUE;
  const isUsual = words.length > 0 && (flags.queue === undefined || isQueueName(flags.queue));
  return isUsual && !hasConfig(env) ? { words, flags } : undefined;
}

/** Its options may be of any kind. */
function hasConfig(env: NodeJS.ProcessEnv): boolean {
  const path = configPath(env);
  try {
    return path !== undefined && statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true; // it may be one that cannot be read
  }
}
