import { DirectSession } from './direct-session.ts';
import { type SendFlags, send as sendUsually } from './send.ts';
import { recordSent } from './send-recorder.ts';

/** `sigmq send` to a process (`--pid`), or with a recording (`--vcd`, `--svg`). @returns as `send` */
export function send(words: readonly string[], flags: SendFlags): Promise<number | 'help'> {
  return sendUsually(words, flags, {
    record: recordSent,
    toProcess: (pid, flags, options) => new DirectSession(pid, flags, options),
  });
}
