import type { PostgresAddress } from './address.ts';

/** Bytes of a notification. */
const MAX_PAYLOAD = 7900;

/** What one broker tells the others. */
export interface News {
  /** Queues in which something is ready, or all of them. */
  readonly queues?: readonly string[] | 'all';
  /** When something falls due or expires, by the server's clock; ms since the epoch; 0: now. */
  readonly at?: number;
  /** This broker holds messages for so long, or renews that; ms. */
  readonly lease?: number;
  /** Those of queues have changed. */
  readonly settings?: true;
  /** Somebody who asked is to be told something. */
  readonly replies?: boolean;
}

/** Anything may have changed. */
export const ANYTHING: News = { queues: 'all', at: 0, settings: true, replies: true };

/** The channel of NOTIFY; each store has its own. */
export function channelOf({ schema }: PostgresAddress): string {
  return `sigmq_${schema}`;
}

/** @param by who says it */
export function payloadOf(news: News, by?: string): string {
  const text = JSON.stringify({ ...news, by });
  return text.length > MAX_PAYLOAD ? JSON.stringify({ ...news, by, queues: 'all' }) : text;
}

/** Both at once. */
export function merged(a: News | undefined, b: News): News {
  if (!a) return b;
  const isAll = a.queues === 'all' || b.queues === 'all';
  const queues = [...new Set([...(a.queues ?? []), ...(b.queues ?? [])])];
  const at = Math.min(a.at ?? Number.POSITIVE_INFINITY, b.at ?? Number.POSITIVE_INFINITY);
  const lease = Math.max(a.lease ?? 0, b.lease ?? 0);
  return {
    ...(isAll ? { queues: 'all' } : queues.length > 0 ? { queues } : {}),
    ...(Number.isFinite(at) ? { at } : {}),
    ...(lease > 0 ? { lease } : {}),
    ...(a.settings || b.settings ? { settings: true } : {}),
    ...(a.replies || b.replies ? { replies: true } : {}),
  };
}

/** Nothing of what we said ourselves; everything of what cannot be read. */
export function newsOf(payload: string, ourselves: string): News {
  try {
    const { by, ...news } = JSON.parse(payload) as News & { by?: string };
    return by === ourselves ? {} : news;
  } catch {
    return ANYTHING;
  }
}
