import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { registryErrors } from './errors.ts';
import { readPidFile } from './pid-file.ts';
import { isDead } from './process-info.ts';
import { processTable } from './process-table.ts';

const GROUP_OR_OTHER = 0o077;
const GROUP_OR_OTHER_WRITE = 0o022;
const OWNER_ALL = 0o700;

export interface RuntimeDirRequest {
  /** The value of `--dir`. */
  readonly dir?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the runtime directories of login sessions are; default: see RUN_USER. */
  readonly runUser?: string | undefined;
}

export interface RuntimeDir {
  /** Absolute, without a trailing slash: lstat(2) of `link/` would follow the link. */
  readonly path: string;
  /** Named by the user (`--dir`, `$SIGMQ_DIR`): may be readable by others. */
  readonly explicit: boolean;
}

/** Where systemd makes a directory for each user who is logged in (pam_systemd(8)). */
const RUN_USER = '/run/user';

const selfUid = process.getuid?.() ?? -1;

/**
 * Which directory it is (docs/protocol.md, section 1). Empty variables count as not set, and so does a relative
 * `$XDG_RUNTIME_DIR` (XDG Base Directory Specification). If the variable is not set, as in cron jobs and after
 * su(1), a broker of the user's session is still found.
 * @throws RegistryError empty-dir
 */
export function resolveRuntimeDir({ dir, env, runUser }: RuntimeDirRequest): RuntimeDir {
  if (dir === '') throw registryErrors.emptyDir();
  const named = dir ?? (env.SIGMQ_DIR || undefined);
  if (named !== undefined) return { path: resolve(named), explicit: true };
  const xdg = env.XDG_RUNTIME_DIR;
  if (xdg && isAbsolute(xdg)) return { path: resolve(xdg, 'sigmq'), explicit: false };
  const [session, temporary] = defaults(runUser);
  const path = hasBroker(session) && !hasBroker(temporary) ? session : temporary;
  return { path, explicit: false };
}

/** A directory of the user, other than `dir`, in which a broker runs. */
export function brokerElsewhere(dir: string, runUser?: string): string | undefined {
  return defaults(runUser).find((path) => path !== dir && hasBroker(path));
}

/** With the `$XDG_RUNTIME_DIR` of a session, and without. */
function defaults(runUser = RUN_USER): readonly [string, string] {
  return [`${runUser}/${selfUid}/sigmq`, `/tmp/sigmq-${selfUid}`];
}

/** A rough check: whoever sends to it checks more closely. */
function hasBroker(dir: string): boolean {
  const pid = readPidFile(`${dir}/broker.pid`)?.pid;
  const info = pid === undefined ? undefined : processTable().read(pid);
  return info !== undefined && !isDead(info) && info.uid === selfUid;
}

/**
 * The directory's path, after the checks of section 1. Only the last component is checked and made 0700; the ones
 * above it are made as by `mkdir -p` if the user named it.
 * @throws RegistryError no-broker (missing, and not to be created), cannot-create-dir, not-a-dir, cannot-read-dir,
 * unsafe-dir
 */
export function openRuntimeDir(request: RuntimeDirRequest & { readonly create: boolean }): string {
  const { path, explicit } = resolveRuntimeDir(request);
  if (request.create) create(path, explicit);
  // After mkdir, so that it does not matter who was first: what counts is what is there now.
  check(path, explicit, lstat(path, request.create));
  return path;
}

function create(path: string, explicit: boolean): void {
  try {
    if (explicit) mkdirSync(dirname(path), { recursive: true });
    mkdirSync(path, OWNER_ALL);
  } catch (error) {
    // EEXIST may be anything of that name, including a link: `check` looks.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw registryErrors.cannotCreateDir(path, error);
  }
}

function lstat(path: string, created: boolean): Stats {
  try {
    return lstatSync(path);
  } catch (error) {
    if (created) throw registryErrors.cannotCreateDir(path, error);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw registryErrors.noDir(path, brokerElsewhere(path));
    }
    throw registryErrors.cannotReadDir(path, error);
  }
}

function check(path: string, explicit: boolean, stats: Stats): void {
  if (stats.isSymbolicLink()) throw registryErrors.dirIsLink(path);
  if (!stats.isDirectory()) throw registryErrors.notADir(path);
  if (stats.uid !== selfUid) throw registryErrors.dirNotOurs(path, stats.uid);
  const mode = stats.mode & 0o7777;
  if ((mode & OWNER_ALL) !== OWNER_ALL)
    throw registryErrors.dirMode(path, mode, 'readable and writable by you');
  if (mode & GROUP_OR_OTHER_WRITE)
    throw registryErrors.dirMode(path, mode, 'writable by nobody else');
  if (!explicit && mode & GROUP_OR_OTHER) throw registryErrors.dirMode(path, mode, '0700');
}
