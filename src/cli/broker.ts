import { Broker } from '../broker/broker.ts';
import { Exit } from '../errors.ts';
import type { StoreOptions } from '../queue/open-store.ts';
import type { BrokerFlags } from './broker-command.ts';
import { dataFolder } from './data-folder.ts';
import { log } from './log.ts';
import { report } from './report.ts';
import { onShutdown } from './shutdown.ts';

/** `sigmq broker`. @returns the exit code */
export async function broker(flags: BrokerFlags): Promise<number> {
  let stop: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const tell = log(flags);
  onShutdown(stop);
  try {
    const running = await Broker.start({
      dir: flags.dir,
      store: storeOptions(flags),
      maxMessageBytes: flags.maxSize,
      ackWaitMs: flags.ackWait,
      onStopRequest: stop,
      onEvent: ({ level, message }) => tell(level, message),
    });
    if (running.plainBecause) {
      tell(
        'warn',
        `running as a plain peer (${running.plainBecause}): slow, and nothing is confirmed.`,
      );
    }
    tell(
      'info',
      `broker ${process.pid} runs in ${running.dir}; messages are kept in ${running.storeName}`,
    );
    await asked;
    tell('info', 'shutting down; once more to end at once');
    await running.stop();
    return Exit.Ok;
  } catch (error) {
    return report(error);
  }
}

function storeOptions(flags: BrokerFlags): StoreOptions {
  const { maxMessages, maxBytes, maxAttempts, maxReleases, backoff: backoffMs, fsync } = flags;
  const { deadExpired } = flags;
  const policy = { maxMessages, maxBytes, maxAttempts, maxReleases, backoffMs, deadExpired };
  if (flags.memory) return { kind: 'memory', ...policy };
  return { kind: 'sqlite', folder: dataFolder(flags), fsync, ...policy };
}
