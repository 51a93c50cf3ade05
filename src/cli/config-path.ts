import { isAbsolute, join } from 'node:path';

/** `$XDG_CONFIG_HOME/sigmq/config.json`; undefined: there is no place for it. */
export function configPath(env: NodeJS.ProcessEnv): string | undefined {
  const home = env.XDG_CONFIG_HOME;
  const folder = home && isAbsolute(home) ? home : env.HOME && join(env.HOME, '.config');
  return folder ? join(folder, 'sigmq/config.json') : undefined;
}
