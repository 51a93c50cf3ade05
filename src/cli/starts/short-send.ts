import { sendShort } from '../../client/short-send.ts';
import { forgetProcesses } from '../../registry/process-table.ts';
import { loadAddon } from '../../signals/addon.ts';
import { forgetEmptyVariables } from '../begin.ts';
import { assertUnchangedSettings, REPLACEMENT } from '../raw-bytes.ts';
import { type SimpleSend, simpleSend } from '../simple-send.ts';

/** Words of a command line before those of `sigmq send`, and of `sigmq-producer`. */
const BEFORE = { sigmq: 3, alone: 2 };

/** Sends a short message if all goes well, and leaves everything else to the command, which can say what is wrong. */
export async function start(program: string): Promise<void> {
  forgetEmptyVariables();
  const simple = simpleSend(process.argv.slice(program === 'sigmq' ? BEFORE.sigmq : BEFORE.alone));
  try {
    if (simple && isSent(simple)) leave();
  } catch {
    // the command finds out what is wrong, and says it
  }
  forgetProcesses(); // or there may be no descriptor left to load the command with
  const command = await import('./send-command.ts');
  return command.start(program);
}

function isSent({ words, flags }: SimpleSend): boolean {
  const text = words.join(' ');
  if (text === '-' || text.includes(REPLACEMENT)) return false;
  assertUnchangedSettings();
  return sendShort({ ...flags, body: Buffer.from(text) });
}

/** Node would tidy up for a millisecond. That is only for those who listen, or look at what was done. */
function leave(): never {
  const { NODE_OPTIONS, NODE_V8_COVERAGE } = process.env;
  const isWatched = NODE_OPTIONS || NODE_V8_COVERAGE || process.execArgv.length > 0;
  if (!isWatched && process.listenerCount('exit') === 0) loadAddon().addon?.exit(0);
  process.exit(0);
}
