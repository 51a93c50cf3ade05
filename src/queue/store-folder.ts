import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';

/**
 * Where the messages of a runtime directory are kept unless the user says where: in
 * `$XDG_STATE_HOME/sigmq` (https://specifications.freedesktop.org/basedir-spec), each directory with a
 * folder of its own, so that brokers of different directories do not share their messages.
 */
export function storeFolder(dir: string, env: NodeJS.ProcessEnv): string {
  const state = env.XDG_STATE_HOME?.startsWith('/')
    ? env.XDG_STATE_HOME
    : join(env.HOME ?? homedir(), '.local/state');
  const path = resolve(dir);
  const name = basename(path).replaceAll(/[^A-Za-z0-9._-]/g, '_');
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 8);
  return join(state, 'sigmq', `${name}-${hash}`);
}
