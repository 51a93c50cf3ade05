import { Broker } from '../broker/broker.ts';
import { Exit, explained, SigmqError } from '../errors.ts';
import type { Fsync, StoreOptions } from '../queue/store-options.ts';
import { dataFolder } from './data-folder.ts';
import { type LogFlags, log, missingLines } from './log.ts';
import { MetricsFile } from './metrics-file.ts';
import { neverWaitForReaders } from './output.ts';
import { report } from './report.ts';
import { onShutdown } from './shutdown.ts';

export interface BrokerFlags extends LogFlags {
  readonly dir?: string;
  readonly data?: string;
  readonly memory?: true;
  readonly store?: string;
  readonly lease: number;
  readonly fsync: Fsync;
  readonly maxSize: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAttempts: number;
  readonly maxReleases?: number;
  readonly ackWait?: number;
  readonly aging?: number;
  readonly deadExpired?: true;
  readonly backoff: number;
  readonly deadAge?: number;
  readonly maxDead?: number;
  readonly maxDeadBytes?: number;
  readonly metricsFile?: string;
}

/** `sigmq broker`. @returns the exit code */
export async function broker(flags: BrokerFlags): Promise<number> {
  const tell = log(flags);
  neverWaitForReaders(missingLines(flags));
  process.on('SIGXFSZ', () => {}); // so that a write beyond `ulimit -f` fails instead of ending the process
  surviveBugs(tell);
  const signalled = new Promise<undefined>((resolve) => onShutdown(() => resolve(undefined)));
  try {
    const metricsFile =
      flags.metricsFile === undefined ? undefined : new MetricsFile(flags.metricsFile);
    const running = await Broker.open({
      dir: flags.dir,
      store: storeFrom(flags),
      maxMessageBytes: flags.maxSize,
      ackWaitMs: flags.ackWait,
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
    metricsFile?.start(
      () => running.metrics(),
      (error) => tell('warn', sentenceOf(error)),
    );
    const why = await Promise.race([running.stopRequested, signalled]);
    tell('info', 'shutting down; signal again to end at once');
    metricsFile?.stop();
    await running.close();
    return why ? report(why) : Exit.Ok;
  } catch (error) {
    return report(error);
  }
}

/**
 * Every callback of the broker passes its errors on. If one does not, carrying on is better than ending with what
 * the others hold: what is stored is consistent after each write.
 */
function surviveBugs(tell: (level: 'error', message: string) => void): void {
  const onBug = (raw: unknown) => tell('error', sentenceOf(raw));
  process.on('uncaughtException', onBug);
  process.on('unhandledRejection', onBug);
}

function sentenceOf(raw: unknown): string {
  const error = explained(raw);
  if (error instanceof SigmqError) return `${error.message} ${error.hint}`;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `This is a bug in sigmq; the broker carries on. ${text}`;
}

function storeFrom(flags: BrokerFlags): StoreOptions {
  const { maxMessages, maxBytes, maxAttempts, maxReleases, backoff: backoffMs, fsync } = flags;
  const { deadExpired, deadAge: deadAgeMs, maxDead, maxDeadBytes, aging: agingMs } = flags;
  const dead = { deadExpired, deadAgeMs, maxDead, maxDeadBytes };
  const policy = { maxMessages, maxBytes, maxAttempts, maxReleases, backoffMs, agingMs, ...dead };
  if (flags.memory) return { kind: 'memory', ...policy };
  if (flags.store) return { kind: 'postgres', url: flags.store, leaseMs: flags.lease, ...policy };
  return { kind: 'sqlite', folder: dataFolder(flags), fsync, ...policy };
}
