import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresAddress } from './address.ts';
import type { PostgresConnection } from './connection.ts';
import { codeOf, postgresErrors } from './errors.ts';
import { NOW } from './sql.ts';

/** Goes up with every change that an older sigmq cannot work with. */
export const SCHEMA_VERSION = 3;
/** What happens when two brokers do it at the same time: something is there already, or a deadlock. */
const ALREADY: ReadonlySet<string> = new Set([
  ...['42P06', '42P07', '23505', '42710', '42701', '40P01'],
]);
const MAX_TRIES = 10;
const RETRY_MS = 100;

const KEYS = `
CREATE UNIQUE INDEX messages_key ON messages (queue, key) WHERE key IS NOT NULL AND state <> 'dead';
CREATE TABLE kept_keys (queue text COLLATE "C", key text COLLATE "C", message bigint, until bigint NOT NULL,
  PRIMARY KEY (queue, key));
COMMENT ON TABLE kept_keys IS 'of messages that are done, as long as they are to be kept';
CREATE INDEX kept_keys_until ON kept_keys (until);
`;
const DEAD_LETTERS = `
CREATE TABLE queues (queue text COLLATE "C" PRIMARY KEY, settings jsonb NOT NULL);
COMMENT ON TABLE queues IS 'what holds for a queue instead of what holds for all of a broker';
CREATE INDEX messages_died    ON messages (died_at) INCLUDE (bytes) WHERE state = 'dead';
CREATE INDEX messages_died_in ON messages (queue, died_at)          WHERE state = 'dead';
CREATE INDEX messages_moving  ON messages (id) WHERE state = 'dead' AND dead_to IS NOT NULL;
`;
const GROUPS = `
CREATE TABLE queue_groups (sequence bigint GENERATED ALWAYS AS IDENTITY, queue text COLLATE "C" NOT NULL,
  name text COLLATE "C" PRIMARY KEY);
COMMENT ON TABLE queue_groups IS 'each gets every message of its queue: its copies are in a queue of its name';
CREATE INDEX queue_groups_queue ON queue_groups (queue, sequence);
ALTER TABLE brokers ADD COLUMN knows int NOT NULL DEFAULT 2, ADD COLUMN aging bigint;
COMMENT ON COLUMN brokers.knows IS 'the version of the schema with which it works';
COMMENT ON COLUMN brokers.aging IS 'for which it needs the index messages_aged_...; NULL: none; ms';
`;
const ASKS = `
CREATE INDEX messages_asked ON messages (asker) WHERE asker IS NOT NULL;
CREATE TABLE replies (asker text COLLATE "C" PRIMARY KEY, content bytea NOT NULL, at bigint NOT NULL);
COMMENT ON TABLE replies IS 'what became of messages whose senders wait to be told';
CREATE INDEX replies_at ON replies (at);
`;
/** What brings a store of each version to the next one; an earlier sigmq that is connected can go on with it. */
const UPGRADES: readonly string[] = [
  `ALTER TABLE messages ADD COLUMN key text COLLATE "C", ADD COLUMN key_ttl bigint; ${KEYS}`,
  `ALTER TABLE messages ADD COLUMN max_attempts int, ADD COLUMN backoff bigint, ADD COLUMN dead_to text COLLATE "C",
    ADD COLUMN died_at bigint, ADD COLUMN failures jsonb, ADD COLUMN asker text COLLATE "C";
  ALTER TABLE store ADD COLUMN settings_version bigint NOT NULL DEFAULT 0; ${DEAD_LETTERS}${GROUPS}${ASKS}`,
];

/** As in the SQLite store, whose comments say what the columns are. Times are ms since 1970, by the server's clock. */
const SCHEMA = `
CREATE TABLE messages (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue       text COLLATE "C" NOT NULL,
  state       text COLLATE "C" NOT NULL CHECK (state IN ('ready', 'delayed', 'reserved', 'dead')),
  priority    bigint NOT NULL,
  position    bigint NOT NULL,
  body        bytea  NOT NULL,
  headers     text,
  attempts    int    NOT NULL DEFAULT 0,
  spent       int    NOT NULL DEFAULT 0,
  releases    int    NOT NULL DEFAULT 0,
  deliveries  int    NOT NULL DEFAULT 0,
  enqueued_at bigint NOT NULL,
  due_at      bigint,
  expires_at  bigint,
  broker      uuid,
  consumer    text,
  incarnation bigint,
  bytes       int    NOT NULL,
  key         text COLLATE "C",
  key_ttl     bigint,
  max_attempts int,
  backoff     bigint,
  dead_to     text COLLATE "C",
  died_at     bigint,
  failures    jsonb,
  asker       text COLLATE "C"
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE messages ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON COLUMN messages.broker IS 'of a reserved one: whose lease protects it';
COMMENT ON COLUMN messages.bytes IS 'of body and headers';
CREATE INDEX messages_ready    ON messages (queue, priority DESC, position, id) WHERE state = 'ready';
CREATE INDEX messages_delayed  ON messages (due_at, position, id)               WHERE state = 'delayed';
CREATE INDEX messages_reserved ON messages (broker, id)                         WHERE state = 'reserved';
CREATE INDEX messages_dead     ON messages (queue, priority DESC, id)           WHERE state = 'dead';
CREATE INDEX messages_expiring ON messages (expires_at)
  WHERE expires_at IS NOT NULL AND state IN ('ready', 'delayed');
${KEYS}${DEAD_LETTERS}${ASKS}
CREATE TABLE producers (process text PRIMARY KEY, number bigint NOT NULL, at bigint NOT NULL);
COMMENT ON TABLE producers IS 'the number of the last message stored from each process';
CREATE TABLE paused (queue text COLLATE "C" PRIMARY KEY);
CREATE TABLE brokers (
  id          uuid PRIMARY KEY,
  place       text NOT NULL,
  host        text NOT NULL,
  dir         text NOT NULL,
  version     text NOT NULL,
  incarnation bigint NOT NULL,
  seen_at     bigint NOT NULL,
  renewals    bigint NOT NULL DEFAULT 0,
  lease_until bigint,
  draining    boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN brokers.lease_until IS 'what it holds is its own until then; NULL: it holds nothing';
CREATE TABLE published (broker uuid PRIMARY KEY, number bigint NOT NULL, ids bigint[] NOT NULL DEFAULT '{}',
  messages bigint NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0);
COMMENT ON TABLE published IS 'by broker, so that none waits for another: what it has stored, ever';
CREATE TABLE removed (broker uuid PRIMARY KEY, messages bigint NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0);
COMMENT ON TABLE removed IS 'the difference to published is what there is';
CREATE VIEW queue_counts AS
  SELECT queue, state, count(*) AS messages, sum(bytes) AS bytes FROM messages GROUP BY queue, state;
CREATE TABLE store (version int NOT NULL, identity uuid NOT NULL, settings_version bigint NOT NULL DEFAULT 0);
${GROUPS}`;

/**
 * Makes the schema if it is not there, or brings it up to date. @returns the identity of the store
 * @throws StoreError it is something else, or of a newer sigmq
 */
export async function openSchema(
  connection: PostgresConnection,
  { schema, name }: PostgresAddress,
): Promise<string> {
  for (let tries = 1; ; tries++) {
    const known = await knownIn(connection, name, schema);
    if (known?.version === SCHEMA_VERSION) return known.identity;
    if (tries > MAX_TRIES) throw postgresErrors.notAStore(name, schema);
    if (tries > 1) await sleep(RETRY_MS);
    try {
      await connection.askPatiently(
        known
          ? `${UPGRADES.slice(known.version - 1).join('')} UPDATE store SET version = ${SCHEMA_VERSION}`
          : `CREATE SCHEMA IF NOT EXISTS "${schema}"; ${SCHEMA}
            INSERT INTO store (version, identity) VALUES (${SCHEMA_VERSION}, '${randomUUID()}')`,
      );
    } catch (error) {
      if (!ALREADY.has(codeOf(error) ?? '')) throw error;
    }
  }
}

/** What an earlier sigmq has declared dead is so from now on. Any that is still connected may declare more. */
export function dateDead(connection: PostgresConnection): Promise<void> {
  return connection.askPatiently(
    `UPDATE messages SET died_at = ${NOW} WHERE state = 'dead' AND died_at IS NULL`,
  );
}

async function knownIn(
  connection: PostgresConnection,
  name: string,
  schema: string,
): Promise<{ readonly version: number; readonly identity: string } | undefined> {
  const [is] = await connection.ask<{ there: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS there',
    [`"${schema}".store`],
  );
  if (!is?.there) return undefined;
  try {
    const [row] = await connection.ask<{ version: number; identity: string }>(
      'SELECT version, identity FROM store',
    );
    if (!row) throw postgresErrors.notAStore(name, schema);
    if (row.version > SCHEMA_VERSION) throw postgresErrors.newer(name, row.version, SCHEMA_VERSION);
    return row;
  } catch (error) {
    throw codeOf(error) === '42703' ? postgresErrors.notAStore(name, schema) : error;
  }
}
