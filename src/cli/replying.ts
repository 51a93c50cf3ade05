import type { Message } from '../client/message.ts';
import { variablesOf } from './job-variables.ts';
import type { Runner } from './runner.ts';

/**
 * Runs the command of `consume --reply`. If somebody asked, what it writes to its standard output is the reply, with
 * its exit code, whatever that is: only a command that is killed, or says with 65 or 75 what is to become of the
 * message, has not replied.
 * @throws NotDone
 */
export async function replyTo(
  message: Message,
  runner: Runner,
  maxReplyBytes: () => number,
): Promise<void> {
  if (!message.isAsked) return runner.run(message);
  const work = { body: message.body, variables: variablesOf(message) };
  const end = await runner.execute({ ...work, maxOutputBytes: maxReplyBytes() });
  const failure = await runner.failureOf(end);
  const isReply = failure === undefined || (failure.ending === 'fail' && hasExited(end));
  if (!isReply) throw failure;
  await message.reply(end.output, { exitCode: end.code ?? 0 });
}

function hasExited({ code, isOverdue }: { code: number | null; isOverdue: boolean }): boolean {
  return code !== null && !isOverdue;
}
