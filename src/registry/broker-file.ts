import { join } from 'node:path';
import type { SigmqError } from '../errors.ts';
import { registryErrors } from './errors.ts';
import { readPidFile } from './pid-file.ts';
import type { ProcessTable } from './process-table.ts';
import { brokerElsewhere } from './runtime-dir.ts';
import { readSmallFile } from './small-file.ts';
import { startedAtMs } from './start-time.ts';
import { isPid, vetTarget } from './vet.ts';

/** broker.json has some 100 bytes; no version of it needs more than this. */
const MAX_JSON_BYTES = 4096;
/**
 * A broker writes broker.pid after it started. Its start is known to 1 s only (`btime` has whole
 * seconds) and the clock may have been corrected a little; ms.
 */
const START_TOLERANCE_MS = 2000;

export const brokerPidPath = (dir: string) => join(dir, 'broker.pid');
export const brokerJsonPath = (dir: string) => join(dir, 'broker.json');

/** What a sigmq broker says about itself beside its PID. */
export interface BrokerJson {
  readonly pid: number;
  /** Clock ticks since boot; 0 where there is no /proc. */
  readonly start: number;
  readonly maxMessageBytes?: number;
  readonly version?: string;
  /** Of which store its message ids are. */
  readonly store?: string;
  /** In which opening of that store. */
  readonly incarnation?: number;
}

/** A process that may get signals as the broker of a runtime directory. */
export interface BrokerFound {
  readonly pid: number;
  readonly kind: 'echo' | 'plain';
  /** Clock ticks since boot; 0 where there is no /proc. */
  readonly start: number;
  /** undefined: a foreign broker, which does not say. */
  readonly maxMessageBytes: number | undefined;
  /** Of its store; undefined: a foreign broker. */
  readonly incarnation: number | undefined;
}

/** What `inspectBroker` found. */
export type BrokerLookup =
  | ({ readonly ok: true } & BrokerFound)
  | { readonly ok: false; readonly error: SigmqError };

/**
 * The broker of a runtime directory, vetted (docs/protocol.md, section 2).
 * @throws RegistryError no-broker
 */
export function findBroker(dir: string, table: ProcessTable): BrokerFound {
  const found = inspectBroker(dir, table);
  if (!found.ok) throw found.error;
  return found;
}

/** As `findBroker`, for who wants to show the reason: returns the error. */
export function inspectBroker(dir: string, table: ProcessTable): BrokerLookup {
  const path = brokerPidPath(dir);
  const file = readPidFile(path);
  if (!file) return { ok: false, error: registryErrors.noBroker(dir, brokerElsewhere(dir)) };
  const { pid, mtimeMs } = file;
  if (pid === undefined) return { ok: false, error: registryErrors.brokerPidJunk(path) };
  const json = readBrokerJson(dir);
  const ours = json?.pid === pid ? json : undefined;
  const vetted = vetTarget(pid, { start: ours?.start }, table);
  if (!vetted.ok) return { ok: false, error: registryErrors.brokerUnfit(path, pid, vetted.why) };
  const { kind, info } = vetted;
  if (!ours && (startedAtMs(info.start) ?? 0) > mtimeMs + START_TOLERANCE_MS) {
    return { ok: false, error: registryErrors.brokerUnfit(path, pid, 'recycled') };
  }
  const { maxMessageBytes, incarnation } = ours ?? {};
  return { ok: true, pid, kind, start: info.start, maxMessageBytes, incarnation };
}

/** @returns undefined when there is none, or it is not what a sigmq broker writes */
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
    };
  } catch {
    return undefined; // not JSON, or `null`
  }
}
