import { Consumer, type Message } from '../client/consumer.ts';
import { Exit } from '../errors.ts';
import type { ConsumeFlags } from './consume-command.ts';
import { cliErrors } from './errors.ts';
import { Printer } from './printer.ts';
import { report, say } from './report.ts';
import { onShutdown } from './shutdown.ts';

/** `sigmq consume`. @returns the exit code */
export async function consume(flags: ConsumeFlags): Promise<number> {
  const printer = new Printer();
  let end: (code: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  /** A message that cannot be written goes back to the broker, and this consumer ends. */
  const onWriteError = (error: NodeJS.ErrnoException) => {
    end(error.code === 'EPIPE' ? Exit.Ok : report(cliErrors.cannotWrite(error)));
    return Object.assign(error, { settle: 'release' });
  };
  const print = ({ body }: Message) => {
    try {
      return printer.print(body)?.catch((error) => {
        throw onWriteError(error);
      });
    } catch (error) {
      throw onWriteError(error as NodeJS.ErrnoException);
    }
  };
  try {
    const { dir, queue: queues, jobs, ackWait: ackWaitMs } = flags;
    const consumer = await Consumer.start(print, { dir, queues, jobs, ackWaitMs });
    onShutdown(() => end(Exit.Ok));
    if (consumer.plainBecause) {
      say(
        `running as a plain peer (${consumer.plainBecause}): slow, and a message in hand can be lost.`,
      );
    }
    say(`consumer ${process.pid} waits for messages in ${consumer.dir}`);
    const code = await ended;
    await consumer.stop();
    return code;
  } catch (error) {
    return report(error);
  }
}
