import type { Replied } from '../asks.ts';
import { deadLetterHeaders } from '../dead-letter.ts';
import type { DeliveryName, Settled, Settlement } from '../message.ts';
import { policyFor } from '../policy.ts';
import type { Queues } from '../queue-settings.ts';
import { type After, after } from '../settlement.ts';
import type { Store } from '../store.ts';
import { keepReplies, repliedColumns } from './asks.ts';
import type { Statement } from './connection.ts';
import { wasAsked } from './errors.ts';
import { type HeldRow, headersOf, type Row } from './rows.ts';
import { appended, COUNT_REMOVED } from './sql.ts';
import type { Parts } from './timetable.ts';

/** What becomes of a message. */
interface Change
  extends Pick<HeldRow, 'queue' | 'attempts' | 'spent' | 'releases' | 'deliveries'>,
    Partial<Pick<After, 'failure' | 'moveTo'>> {
  readonly id: number;
  /** How many deliveries there were before. */
  readonly before: number;
  readonly state: Exclude<Settled, 'unknown' | 'unmade'>;
  readonly dueAt: number | null;
  /** A consumer has received it. */
  readonly isTaken: boolean;
  /** Of one that goes on to another queue. */
  readonly headers?: string | null;
  readonly position?: number;
  readonly replied: Replied | undefined;
}

/** What becomes of what was handed out. */
export class Settlements implements Pick<Store, 'settle' | 'settleLate'> {
  readonly #parts: Parts;
  /** What this broker holds, by id. */
  readonly #held: Map<number, HeldRow>;
  /** Settlements whose answer was lost, by id. */
  readonly #doubted = new Map<number, Change>();

  constructor(parts: Parts, held: Map<number, HeldRow>) {
    this.#parts = parts;
    this.#held = held;
  }

  /** It is held again, whatever became of earlier settlements. */
  forget(id: number): void {
    this.#doubted.delete(id);
  }

  async settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    const queues = await this.#parts.settings.known();
    const changes = settlements.map((one) => this.#changeOf(one, queues));
    const known = changes.filter((change) => change !== undefined);
    if (known.length < changes.length)
      return changes.map((change) => (change ? 'unmade' : 'unknown'));
    const made = await this.#make(known);
    if (known.every(({ id }) => made.has(id))) {
      this.#onSettled(known);
      return known.map(({ state }) => state);
    }
    for (const { id } of known) if (!made.has(id)) this.#held.delete(id);
    return known.map(({ id }) => (made.has(id) ? 'unmade' : 'unknown'));
  }

  #changeOf({ id, outcome, replied }: Settlement, queues: Queues): Change | undefined {
    const held = this.#held.get(id);
    if (!held) return undefined;
    const { clock, policy, host } = this.#parts;
    const before = held.deliveries;
    const same = { id, before, replied };
    const { kind } = outcome;
    if (kind === 'done') return { ...same, ...held, state: 'gone', dueAt: null, isTaken: true };
    if (kind === 'untaken')
      return { ...same, ...held, state: 'ready', dueAt: null, isTaken: false };
    const rules = policyFor(held, queues.of(held.queue), policy);
    const circumstances = { policy: rules, now: clock.now(), host, chance: Math.random() };
    const became = after(outcome, held, circumstances);
    const { queue } = held;
    return { ...same, queue, ...became, isTaken: true, ...this.#moved(held, became) };
  }

  /** What is different about a message that goes on to another queue. */
  #moved(held: HeldRow, { failure, moveTo }: After): Pick<Change, 'headers' | 'position'> {
    if (!failure || moveTo === undefined) return {};
    const headers = deadLetterHeaders(headersOf(held.headers), failure);
    return { headers: JSON.stringify(headers), position: this.#parts.position(1) + 1 };
  }

  /** @returns the ids of those that this broker held; if that is not all of them, none was settled */
  async #make(changes: readonly Change[]): Promise<Set<number>> {
    const { engine, members, clock } = this.#parts;
    const column = <K extends keyof Change>(key: K) => changes.map((change) => change[key]);
    try {
      const values = [
        ...[members.id, column('id'), column('before'), column('state'), column('attempts')],
        ...[column('spent'), column('releases'), column('deliveries'), column('dueAt')],
        ...[column('isTaken'), clock.now(), ...repliedColumns(column('replied'))],
      ];
      const failed = changes.some(({ failure }) => failure)
        ? [
            changes.map(({ failure }) => (failure ? JSON.stringify(failure) : null)),
            changes.map(({ state, failure }) => (state === 'dead' ? (failure?.at ?? null) : null)),
            ...[column('moveTo'), column('headers'), column('position')],
          ]
        : undefined;
      const held = await (failed
        ? engine.fast<{ id: number }>(SETTLE_FAILED, [...values, ...failed])
        : engine.fast<{ id: number }>(SETTLE, values));
      const ours = new Set(held.map(({ id }) => id));
      return ours.size === changes.length ? ours : await this.#doubtless(changes, ours);
    } catch (error) {
      if (wasAsked(error)) for (const change of changes) this.#doubted.set(change.id, change);
      throw error;
    }
  }

  /** Some are not ours any more: perhaps because they were settled, and the answer was lost. */
  async #doubtless(changes: readonly Change[], ours: Set<number>): Promise<Set<number>> {
    const doubted = changes.filter(({ id }) => !ours.has(id) && this.#doubted.has(id));
    if (doubted.length === 0) return ours;
    const ids = doubted.map(({ id }) => id);
    const rows = await this.#parts.engine.fast<Pick<Row, 'id' | 'deliveries'>>(LOOK, [ids]);
    const now = new Map(rows.map(({ id, deliveries }) => [id, deliveries]));
    const made = new Set(
      ids.filter((id) => {
        const was = this.#doubted.get(id);
        return was?.state === 'gone' ? !now.has(id) : now.get(id) === was?.deliveries;
      }),
    );
    const others = changes.filter(({ id }) => !made.has(id));
    if (others.length === changes.length || others.length === 0) return new Set([...ours, ...made]);
    return new Set([...made, ...(await this.#make(others))]);
  }

  #onSettled(changes: readonly Change[]): void {
    const { ready, timetable, engine, settings } = this.#parts;
    const readied = new Set<string>();
    /** Others may go on with these, because this broker has fewer of their messages. */
    const freed = new Set<string>();
    let at = Number.POSITIVE_INFINITY;
    let hasReplied = false;
    for (const { id, queue, state, dueAt, isTaken, moveTo, failure, replied } of changes) {
      hasReplied ||= replied !== undefined && (state === 'gone' || state === 'dead');
      this.#held.delete(id);
      this.#doubted.delete(id);
      if (moveTo !== undefined) readied.add(moveTo);
      else if (state === 'ready') readied.add(queue);
      else if (state === 'dead') timetable.died(queue, failure?.at ?? 0);
      if (settings.queues.of(queue).concurrency !== undefined) freed.add(queue);
      if (dueAt !== null) at = Math.min(at, dueAt);
      if (!isTaken) timetable.add(Number.NEGATIVE_INFINITY); // it may expire
    }
    ready.forget([...freed]);
    ready.add(readied);
    timetable.add(at);
    const queues = [...new Set([...readied, ...freed])];
    if (queues.length === 0 && !Number.isFinite(at) && !hasReplied) return;
    const due = Number.isFinite(at) ? { at } : {};
    engine.tell({ queues, ...due, ...(hasReplied ? { replies: true } : {}) });
  }

  async settleLate(
    id: number,
    { incarnation, delivery }: DeliveryName,
    reply?: Uint8Array,
  ): Promise<string | undefined> {
    const { engine, members, clock } = this.#parts;
    // It was the last delivery: nobody has received the message since.
    const [row] = await engine.fast<Pick<Row, 'queue' | 'asker'>>(SETTLE_LATE, [
      ...[members.id, id, incarnation, delivery, clock.now()],
      reply ? Buffer.from(reply) : null,
    ]);
    if (row?.asker) engine.tell({ replies: true });
    return row?.queue;
  }
}

/** Of what a statement has removed as `gone`, because it is done. @param now the parameter with the time */
const keepKeys = (now: string) => `INSERT INTO kept_keys (queue, key, message, until)
      SELECT queue, key, id, ceil(${now}::float8)::bigint + key_ttl FROM gone WHERE key IS NOT NULL AND key_ttl IS NOT NULL
      ON CONFLICT (queue, key) DO UPDATE SET message = excluded.message, until = excluded.until`;

/** @param more columns of what is wanted, and what they change */
function settle(
  name: string,
  more: { readonly types: string; readonly names: string; readonly set: string },
): Statement {
  return {
    name,
    text: `WITH wanted AS (SELECT * FROM unnest($2::bigint[], $3::int[], $4::text[], $5::int[], $6::int[], $7::int[],
      $8::int[], $9::bigint[], $10::boolean[], $12::text[], $13::bytea[], $14::bytea[]${more.types})
      AS change (id, before, state, attempts, spent, releases, deliveries, due_at, taken, asker, if_gone, if_dead${more.names})),
    held AS (SELECT messages.id FROM wanted JOIN messages ON messages.id = wanted.id
      WHERE messages.state = 'reserved' AND messages.broker = $1 AND messages.deliveries = wanted.before
      FOR UPDATE OF messages),
    complete AS (SELECT (SELECT count(*) FROM held) = (SELECT count(*) FROM wanted) AS yes),
    gone AS (DELETE FROM messages USING wanted, complete
      WHERE yes AND messages.id = wanted.id AND wanted.state = 'gone' RETURNING messages.*),
    changed AS (UPDATE messages SET attempts = wanted.attempts, deliveries = wanted.deliveries, due_at = wanted.due_at,
        broker = NULL, consumer = NULL, expires_at = CASE WHEN NOT taken THEN expires_at END,
        ${more.set}
      FROM wanted, complete WHERE yes AND messages.id = wanted.id AND wanted.state <> 'gone'),
    kept AS (${keepKeys('$11')}),
    replied AS (${keepReplies('SELECT state, asker, if_gone, if_dead FROM wanted, complete WHERE yes')}),
    counted AS (${COUNT_REMOVED})
    SELECT id FROM held`,
  };
}

const SETTLE = settle('settle', {
  ...{ types: '', names: '' },
  set: `state = wanted.state, spent = wanted.spent, releases = wanted.releases,
        incarnation = CASE WHEN taken THEN incarnation END`,
});
/** What goes on to another queue is as one that nobody has tried there, and no late settlement is meant for it. */
const SETTLE_FAILED = settle('settle-failed', {
  types: ', $15::text[], $16::bigint[], $17::text[], $18::text[], $19::bigint[]',
  names: ', failure, died_at, move_to, headers, position',
  set: `state = CASE WHEN move_to IS NULL THEN wanted.state ELSE 'ready' END,
        spent = CASE WHEN move_to IS NULL THEN wanted.spent ELSE 0 END,
        releases = CASE WHEN move_to IS NULL THEN wanted.releases ELSE 0 END,
        incarnation = CASE WHEN taken AND move_to IS NULL THEN incarnation END,
        failures = ${appended('failures', 'wanted.failure::jsonb')},
        died_at = CASE WHEN move_to IS NULL THEN wanted.died_at END,
        queue = coalesce(move_to, queue),
        headers = CASE WHEN move_to IS NULL THEN messages.headers ELSE wanted.headers END,
        position = coalesce(wanted.position, messages.position),
        asker = CASE WHEN move_to IS NULL THEN messages.asker END,
        key = CASE WHEN move_to IS NULL THEN key END, key_ttl = CASE WHEN move_to IS NULL THEN key_ttl END,
        max_attempts = CASE WHEN move_to IS NULL THEN max_attempts END,
        backoff = CASE WHEN move_to IS NULL THEN backoff END, dead_to = CASE WHEN move_to IS NULL THEN dead_to END`,
});
const LOOK: Statement = {
  name: 'look',
  text: 'SELECT id, deliveries FROM messages WHERE id = ANY($1::bigint[])',
};
const SETTLE_LATE: Statement = {
  name: 'settle-late',
  text: `WITH gone AS (DELETE FROM messages WHERE id = $2 AND incarnation = $3 AND deliveries = $4
      AND state IN ('ready', 'delayed') RETURNING messages.*),
    kept AS (${keepKeys('$5')}),
    replied AS (${keepReplies("SELECT 'gone' AS state, asker, $6::bytea AS if_gone, NULL::bytea AS if_dead FROM gone WHERE $6 IS NOT NULL")}),
    counted AS (${COUNT_REMOVED})
    SELECT queue, asker FROM gone`,
};
