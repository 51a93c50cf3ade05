import { join } from 'node:path';
import type { SigmqError } from '../errors.ts';
import { sleepSync } from '../sleep-sync.ts';
import { type Recognised, recognise, writeDown } from './broker-seen.ts';
import { registryErrors } from './errors.ts';
import { type PidFile, readPidFile } from './pid-file.ts';
import { isRunning, type ProcessTable } from './process-info.ts';
import { brokerElsewhere } from './runtime-dir.ts';
import { readSmallFile } from './small-file.ts';
import { isPid, type VetFailure, vetTarget } from './vet.ts';

/** broker.json has some 200 bytes; the path in it may have 4096 (PATH_MAX), each of which may be escaped. */
const MAX_JSON_BYTES = 32 << 10;

/** Between its two files a broker writes nothing else: how long to wait for the second one. */
const MAX_READS = 20;
const PUBLISHING_MS = 5;

export const brokerPidPath = (dir: string) => join(dir, 'broker.pid');
export const brokerJsonPath = (dir: string) => join(dir, 'broker.json');

/** What a sigmq broker says about itself besides its PID. */
export interface BrokerJson {
  readonly pid: number;
  /** Clock ticks since boot; 0 where there is no /proc. */
  readonly start: number;
  readonly maxMessageBytes?: number;
  readonly version?: string;
  /** The store whose message ids it uses. */
  readonly store?: string;
  /** This opening of that store. */
  readonly incarnation?: number;
  /** Path of the store's file; absent: the store is not a file. */
  readonly path?: string;
  /** URL of a store on a server; without a password. */
  readonly url?: string;
  /** What it takes beside a message in a frame of its own. */
  readonly accepts?: string;
  /** It has no addon: it catches both signals on purpose. */
  readonly peer?: 'plain';
}

/** A process that may be signalled as the broker of a runtime directory. */
export interface BrokerFound {
  readonly pid: number;
  readonly kind: 'echo' | 'plain';
  /** Clock ticks since boot; 0 where there is no /proc. */
  readonly start: number;
  /** undefined: a foreign broker, which does not say. */
  readonly maxMessageBytes: number | undefined;
  /** That of its store; undefined: a foreign broker. */
  readonly incarnation: number | undefined;
  /** What it takes beside a message in a frame of its own, as it says; undefined: nothing. */
  readonly accepts: string | undefined;
  /** It says that it is a plain peer. */
  readonly saysPlain: boolean;
}

/** What `inspectBroker` found. */
export type BrokerLookup =
  | ({ readonly ok: true } & BrokerFound)
  /** `why` is absent if there is no file. */
  | { readonly ok: false; readonly error: SigmqError; readonly why?: VetFailure };

/**
 * The broker of a runtime directory, vetted (docs/protocol.md, section 2). What is learned about a foreign one is
 * recorded.
 * @throws RegistryError no-broker
 */
export function findBroker(dir: string, table: ProcessTable): BrokerFound {
  const { found, news } = lookUp(dir, table);
  if (news !== undefined) writeDown(dir, news);
  if (!found.ok) throw found.error;
  return found;
}

/** Like `findBroker`, for callers that want to show the reason: returns the error, and writes nothing. */
export function inspectBroker(dir: string, table: ProcessTable): BrokerLookup {
  return lookUp(dir, table).found;
}

/** @returns what was found, and what should be recorded about a foreign broker */
function lookUp(dir: string, table: ProcessTable): { found: BrokerLookup; news?: string } {
  const path = brokerPidPath(dir);
  const { file, json } = readBoth(dir, table);
  if (!file)
    return { found: { ok: false, error: registryErrors.noBroker(dir, brokerElsewhere(dir)) } };
  const { pid } = file;
  if (pid === undefined)
    return { found: { ok: false, error: registryErrors.brokerPidJunk(path), why: 'invalid' } };
  const ours = json?.pid === pid ? json : undefined;
  const { registered, ...news } = ours ? byItself(ours, file) : recognise(dir, pid, file, table);
  const vetted = vetTarget(pid, registered, table);
  if (!vetted.ok) {
    const { why } = vetted;
    return {
      found: { ok: false, error: registryErrors.brokerUnfit(path, pid, why), why },
      ...news,
    };
  }
  const { kind, info } = vetted;
  const { saysPlain = false } = registered;
  const { maxMessageBytes, incarnation, accepts } = ours ?? {};
  const { start } = info;
  return {
    found: { ok: true, pid, kind, start, maxMessageBytes, incarnation, accepts, saysPlain },
    ...news,
  };
}

/**
 * Both files of a broker. It writes its PID last: before that, broker.pid still names an earlier one, whose PID may be
 * anybody's by now. What then names nobody is read again.
 */
function readBoth(dir: string, table: ProcessTable) {
  for (let tries = 1; ; tries++) {
    const file = readPidFile(brokerPidPath(dir));
    const json = readBrokerJson(dir);
    const isSettled = !file || !json || json.pid === file.pid || json.pid === table.selfPid;
    if (isSettled || !isRunning(table.read(json.pid), json.start)) return { file, json };
    if (tries === MAX_READS) return { file: undefined, json };
    sleepSync(PUBLISHING_MS);
  }
}

/** A sigmq broker records by itself which process it is. */
function byItself({ start, peer }: BrokerJson, { writtenMs }: PidFile): Recognised {
  return { registered: { start, writtenMs, saysPlain: peer === 'plain' } };
}

/** @returns undefined if there is none, or it is not what a sigmq broker writes */
export function readBrokerJson(dir: string): BrokerJson | undefined {
  const text = readSmallFile(brokerJsonPath(dir), MAX_JSON_BYTES)?.text;
  if (!text) return undefined;
  try {
    const {
      pid,
      start,
      maxMessageBytes: limit,
      version,
      store,
      incarnation,
      path,
      url,
      accepts,
      peer,
    } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || !isPid(pid)) return undefined;
    if (typeof start !== 'number' || !Number.isSafeInteger(start) || start < 0) return undefined;
    return {
      pid,
      start,
      ...(typeof limit === 'number' &&
        Number.isSafeInteger(limit) &&
        limit > 0 && { maxMessageBytes: limit }),
      ...(typeof version === 'string' && { version }),
      ...(typeof store === 'string' && { store }),
      ...(typeof incarnation === 'number' &&
        Number.isSafeInteger(incarnation) &&
        incarnation > 0 && { incarnation }),
      ...(typeof path === 'string' && { path }),
      ...(typeof url === 'string' && { url }),
      ...(typeof accepts === 'string' && { accepts }),
      ...(peer === 'plain' && { peer }),
    };
  } catch {
    return undefined; // not JSON, or `null`
  }
}
