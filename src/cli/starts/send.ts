import { begin } from '../begin.ts';
import { assertUnchangedSettings } from '../raw-bytes.ts';
import { report } from '../report.ts';
import { send } from '../send.ts';
import { type SimpleSend, simpleSend } from '../simple-send.ts';

export { send };

/** Words of a command line before those of `sigmq send`, and of `sigmq-producer`. */
const BEFORE = { sigmq: 3, alone: 2 };

export async function start(program: string): Promise<void> {
  begin();
  const simple = simpleSend(process.argv.slice(program === 'sigmq' ? BEFORE.sigmq : BEFORE.alone));
  if (simple) return sendSimply(simple);
  const command = await import('./send-command.ts');
  return command.start(program);
}

async function sendSimply({ words, flags }: SimpleSend): Promise<void> {
  try {
    assertUnchangedSettings();
    const code = await send(words, flags);
    if (code !== 'help') process.exitCode = code;
  } catch (error) {
    process.exitCode = report(error);
  }
  process.exit();
}
