import { brokerJsonPath, brokerPidPath, inspectBroker, readBrokerJson } from './broker-file.ts';
import { brokerSeenPath } from './broker-seen.ts';
import { registryErrors } from './errors.ts';
import { withLock } from './lock.ts';
import { readPidFile } from './pid-file.ts';
import { isRunning, type ProcessTable } from './process-info.ts';
import { removeFile, replaceFile } from './small-file.ts';

export interface BrokerInfo {
  readonly maxMessageBytes: number;
  readonly version?: string | undefined;
  /** The store whose message ids it uses. */
  readonly store?: string | undefined;
  /** This opening of that store. */
  readonly incarnation?: number | undefined;
  /** Path of the store's file, if it is one. */
  readonly path?: string | undefined;
  /** Of the store, if it is on a server; without a password. */
  readonly url?: string | undefined;
  /** What it accepts besides one message per frame. */
  readonly accepts?: string | undefined;
  /** It catches both signals on purpose. */
  readonly peer?: 'plain' | undefined;
}

export interface BrokerClaim {
  /** Whether both files are there and ours. */
  isThere(): boolean;
  /** Removes broker.pid and broker.json if they are still ours. Synchronous; may be called more than once. */
  release(): void;
}

/**
 * Makes this process the broker of a runtime directory. Call it last, when both signals are blocked or caught: from
 * then on they arrive. What a dead broker left behind is replaced at once.
 * @throws RegistryError broker-runs, lock-busy, cannot-write, no-start
 */
export async function claimBroker(
  dir: string,
  info: BrokerInfo,
  table: ProcessTable,
): Promise<BrokerClaim> {
  const pid = table.selfPid;
  const start = table.read(pid)?.start;
  if (start === undefined) throw registryErrors.noStart();
  await withLock(brokerPidPath(dir), (assertHeld) => {
    assertNoBroker(dir, table);
    // The PID last: whoever finds it also finds what belongs to it.
    replaceFile(brokerJsonPath(dir), `${JSON.stringify({ pid, start, ...info })}\n`, assertHeld);
    replaceFile(brokerPidPath(dir), `${pid}\n`, assertHeld);
    removeFile(brokerSeenPath(dir)); // left by an earlier one
  });
  return {
    isThere: () =>
      readPidFile(brokerPidPath(dir))?.pid === pid && readBrokerJson(dir)?.start === start,
    release: () => release(dir, pid, start),
  };
}

/** Call it before anything else is opened. @throws RegistryError broker-runs */
export function assertNoBroker(dir: string, table: ProcessTable): void {
  const owner = liveOwner(dir, table);
  if (owner !== undefined) throw registryErrors.brokerRuns(dir, owner);
}

/** The PID of the broker that has the directory. */
function liveOwner(dir: string, table: ProcessTable): number | undefined {
  const found = inspectBroker(dir, table);
  if (found.ok) return found.pid;
  // A sigmq broker is recognised by its start time, whatever its signal masks are at the moment.
  const json = readBrokerJson(dir);
  if (!json || json.start === 0 || readPidFile(brokerPidPath(dir))?.pid !== json.pid)
    return undefined;
  const process = table.read(json.pid);
  return isRunning(process, json.start) && process.uid === table.selfUid ? json.pid : undefined;
}

function release(dir: string, pid: number, start: number): void {
  // Without the lock, so that an exit handler can do it: nobody replaces the files while we live.
  if (readPidFile(brokerPidPath(dir))?.pid === pid) removeFile(brokerPidPath(dir));
  const json = readBrokerJson(dir);
  if (json?.pid === pid && json.start === start) removeFile(brokerJsonPath(dir));
}
