// Runs this program again with PID and mount namespaces of its own (pid_namespaces(7), user_namespaces(7)),
// where that is permitted. In there PIDs may be chosen and file systems mounted without anybody noticing,
// and the kernel ends every process and mount with the first process, however that ends.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const INSIDE = 'SIGMQ_CHAOS_INSIDE';
const PRIVATE = ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc'];
const WAYS = [PRIVATE, ['--user', '--map-root-user', ...PRIVATE]];

/** Whether this process has the namespaces to itself. */
export const isPrivate = process.env[INSIDE] !== undefined && process.pid === 1;

/**
 * Runs this program with the same arguments in namespaces of its own and passes its exit code on.
 * @param flags of unshare(1), for further ones
 * @returns `{ code, interrupted }`; undefined when that is not permitted: nothing was run
 */
export async function runPrivately(env, flags = []) {
  const ways = WAYS.map((way) => [...way, ...flags]);
  const way = ways.find((way) => spawnSync('unshare', [...way, 'true']).status === 0);
  if (!way) return undefined;
  const inner = [process.execPath, ...process.argv.slice(1)];
  const child = spawn('unshare', [...way, ...inner], {
    env: { ...process.env, ...env, [INSIDE]: '1' },
    stdio: 'inherit',
  });
  // `unshare` ignores what would end it politely; with it the first process inside dies, and with that all.
  let interrupted = false;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => {
      interrupted = true;
      child.kill('SIGKILL');
    });
  }
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
  return { code: process.exitCode, interrupted };
}
