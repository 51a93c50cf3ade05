import { resolve } from 'node:path';
import { Broker } from '../broker/broker.ts';
import { Exit } from '../errors.ts';
import type { StoreOptions } from '../queue/open-store.ts';
import { storeFolder } from '../queue/store-folder.ts';
import { resolveRuntimeDir } from '../registry/runtime-dir.ts';
import type { BrokerFlags } from './broker-command.ts';
import { report, say } from './report.ts';
import { onShutdown } from './shutdown.ts';

/** `sigmq broker`. @returns the exit code */
export async function broker(flags: BrokerFlags): Promise<number> {
  let stop: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    stop = resolve;
  });
  try {
    const running = await Broker.start({
      dir: flags.dir,
      store: storeOptions(flags),
      maxMessageBytes: flags.maxSize,
      ackWaitMs: flags.ackWait,
      onStopRequest: stop,
      onEvent: ({ level, message }) => {
        if (level !== 'debug') say(level === 'info' ? message : `${level}: ${message}`);
      },
    });
    onShutdown(stop);
    if (running.plainBecause) {
      say(`running as a plain peer (${running.plainBecause}): slow, and nothing is confirmed.`);
    }
    say(`broker ${process.pid} runs in ${running.dir}; messages are kept in ${running.storeName}`);
    await asked;
    say('shutting down; once more to end at once');
    await running.stop();
    return Exit.Ok;
  } catch (error) {
    return report(error);
  }
}

function storeOptions(flags: BrokerFlags): StoreOptions {
  const { maxMessages, maxBytes, maxAttempts, backoff: backoffMs, fsync } = flags;
  const policy = { maxMessages, maxBytes, maxAttempts, backoffMs };
  if (flags.memory) return { kind: 'memory', ...policy };
  return { kind: 'sqlite', folder: dataFolder(flags), fsync, ...policy };
}

/** Where `sigmq broker` keeps the messages of a runtime directory. */
export function dataFolder({ dir, data }: { dir?: string; data?: string }): string {
  if (data !== undefined) return resolve(data);
  return storeFolder(resolveRuntimeDir({ dir, env: process.env }).path, process.env);
}
