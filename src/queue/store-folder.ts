import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { storeErrors } from './errors.ts';

/** Characters of a folder's name that say whose it is: with the hash, 255 bytes are the most that it may have (NAME_MAX). */
const MAX_READABLE = 246;

/**
 * Where the messages of a runtime directory are kept unless the user says otherwise: in `$XDG_STATE_HOME/sigmq`
 * (https://specifications.freedesktop.org/basedir-spec). Each directory has a folder of its own, so that brokers of
 * different directories do not share their messages. However the directory is spelled, the folder is the same.
 * @throws StoreError no-home
 */
export function storeFolder(dir: string, env: NodeJS.ProcessEnv): string {
  const state = env.XDG_STATE_HOME?.startsWith('/')
    ? env.XDG_STATE_HOME
    : join(homeOf(env), '.local/state');
  const spelled = resolve(dir);
  const folder = join(state, 'sigmq', nameOf(realPath(spelled)));
  // Up to version 0.1 the spelling mattered: a store started that way is used until there is another.
  const old = join(state, 'sigmq', nameOf(spelled));
  return !hasStore(folder) && hasStore(old) ? old : folder;
}

function nameOf(path: string): string {
  const name = basename(path)
    .replaceAll(/[^A-Za-z0-9._-]/g, '_')
    .slice(0, MAX_READABLE);
  return `${name}-${createHash('sha256').update(path).digest('hex').slice(0, 8)}`;
}

const hasStore = (folder: string) => existsSync(join(folder, 'queue.db'));

/** Without symbolic links, as far as the path exists. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(realPath(above), basename(path));
  }
}

function homeOf({ HOME }: NodeJS.ProcessEnv): string {
  if (HOME) return HOME;
  try {
    return homedir();
  } catch (error) {
    throw storeErrors.noHome(error); // no entry in passwd(5) either
  }
}
