import type { Asked, Asks, Replied, Reply } from '../asks.ts';
import type { Statement } from './connection.ts';
import { FORGET_OLD_REPLIES, NOW } from './sql.ts';
import type { Parts } from './timetable.ts';

/** Replies that wait for those who asked, at whatever host. */
export class PostgresAsks implements Asks {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async repliesAt(place: string, limit: number): Promise<string[]> {
    const rows = await this.#parts.engine.fast<Pick<Reply, 'asker'>>(AT, [place, limit]);
    return rows.map(({ asker }) => asker);
  }

  async reply(asker: string): Promise<Reply | undefined> {
    const [row] = await this.#parts.engine.fast<{ content: Uint8Array }>(REPLY, [asker]);
    return row && { asker, content: row.content };
  }

  async forgetReplies(askers: readonly string[]): Promise<void> {
    await this.#parts.engine.fast(FORGET, [askers]);
  }

  async asked(asker: string): Promise<Asked | undefined> {
    const { engine, timetable } = this.#parts;
    await timetable.sweep();
    const [row] = await engine.fast<{ state: Asked | null }>(ASKED, [asker]);
    return row?.state ?? undefined;
  }
}

/** The columns of settlements that tell who is to be told what; null where nobody is. */
export function repliedColumns(all: readonly (Replied | undefined)[]): unknown[] {
  return [
    all.map((replied) => replied?.asker ?? null),
    all.map((replied) => (replied ? Buffer.from(replied.ifGone) : null)),
    all.map((replied) => (replied ? Buffer.from(replied.ifDead) : null)),
  ];
}

/**
 * Keeps what is to be told of messages that are gone or dead.
 * @param settled a query for `state`, `asker`, `if_gone` and `if_dead` of what is settled for sure
 */
export const keepReplies = (settled: string) => `INSERT INTO replies (asker, content, at)
      SELECT asker, CASE state WHEN 'gone' THEN if_gone ELSE if_dead END, ${NOW} FROM (${settled}) AS settled
      WHERE asker IS NOT NULL AND state IN ('gone', 'dead') ON CONFLICT (asker) DO NOTHING`;

const AT: Statement = {
  name: 'replies-at',
  text: `SELECT asker FROM replies WHERE substr(asker, position(' ' IN asker) + 1) = $1 ORDER BY at, asker LIMIT $2`,
};
const REPLY: Statement = { name: 'reply', text: 'SELECT content FROM replies WHERE asker = $1' };
const FORGET: Statement = {
  name: 'forget-replies',
  text: `WITH old AS (${FORGET_OLD_REPLIES}) DELETE FROM replies WHERE asker = ANY($1::text[])`,
};
const ASKED: Statement = {
  name: 'asked',
  text: `SELECT coalesce((SELECT 'answered' FROM replies WHERE asker = $1),
    (SELECT state FROM messages WHERE asker = $1 LIMIT 1)) AS state`,
};
