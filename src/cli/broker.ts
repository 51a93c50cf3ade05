import { Broker } from '../broker/broker.ts';
import { Exit } from '../errors.ts';
import type { BrokerFlags } from './broker-command.ts';
import { report, say } from './report.ts';
import { onShutdown } from './shutdown.ts';

/** `sigmq broker`. @returns the exit code */
export async function broker(flags: BrokerFlags): Promise<number> {
  try {
    const running = await Broker.start({
      dir: flags.dir,
      maxMessageBytes: flags.maxSize,
      onEvent: ({ level, message }) => {
        if (level !== 'debug') say(level === 'info' ? message : `${level}: ${message}`);
      },
    });
    const asked = new Promise<void>((resolve) => onShutdown(resolve));
    if (running.plainBecause) {
      say(`running as a plain peer (${running.plainBecause}): slow, and nothing is confirmed.`);
    }
    say(`broker ${process.pid} runs in ${running.dir}`);
    await asked;
    say('shutting down; once more to end at once');
    await running.stop();
    return Exit.Ok;
  } catch (error) {
    return report(error);
  }
}
