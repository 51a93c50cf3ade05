import { createRequire } from 'node:module';

/** A signal that signal-exit catches, and nobody else does. */
const TELLTALE = 'SIGXCPU';

type LockLibrary = typeof import('proper-lockfile');

let loading: Promise<LockLibrary> | undefined;

/**
 * proper-lockfile, without the handlers for nearly all signals that it brings in through signal-exit: with them a
 * process looks like a plain peer, and dies of SIGXFSZ (`ulimit -f`) instead of getting EFBIG. A lock that is held
 * when its process ends is left to whoever finds it stale, as after SIGKILL.
 */
export function lockLibrary(): Promise<LockLibrary> {
  loading ??= load();
  return loading;
}

async function load(): Promise<LockLibrary> {
  const before = process.listenerCount(TELLTALE);
  const library = await import('proper-lockfile');
  // Somebody else's signal-exit, which had its handlers before, keeps them. The bundle has none at all.
  if (process.listenerCount(TELLTALE) > before) unload();
  return library;
}

/** Through the copy that proper-lockfile has loaded: there may be several in a tree of packages. */
function unload(): void {
  const path = createRequire(import.meta.url).resolve('proper-lockfile');
  const signalExit = createRequire(path)('signal-exit') as { unload(): void };
  signalExit.unload();
}
