/** `sigm`: tells a store from any other SQLite file (PRAGMA application_id). */
export const APPLICATION_ID = 0x7369676d;
/** Of the schema (PRAGMA user_version). One more with every change that an older sigmq cannot read. */
export const SCHEMA_VERSION = 1;

/** Also of stores that were made before there was one. */
export const IDENTITY = `CREATE TABLE IF NOT EXISTS identity (
  value TEXT NOT NULL               -- one row: tells this store from every other, whose ids are the same
) STRICT;
`;

/** The comments stay in the file: `sqlite3 queue.db .schema` shows them. */
export const SCHEMA = `
CREATE TABLE messages (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
  queue       TEXT    NOT NULL,
  state       TEXT    NOT NULL CHECK (state IN ('ready', 'delayed', 'reserved', 'dead')),
  priority    INTEGER NOT NULL,            -- higher goes first
  body        BLOB    NOT NULL,
  headers     TEXT,                        -- JSON: [[name, value], ...]; NULL: none
  spent       INTEGER NOT NULL DEFAULT 0,  -- attempts that failed
  enqueued_at INTEGER NOT NULL,            -- ms since 1970, as all times
  due_at      INTEGER,                     -- of a delayed one: when it gets ready
  expires_at  INTEGER,                     -- NULL: never
  consumer    TEXT                         -- of a reserved one: PID:START TIME of the process that has it
) STRICT;

CREATE INDEX messages_ready    ON messages (queue, priority DESC, id) WHERE state = 'ready';
CREATE INDEX messages_delayed  ON messages (due_at)     WHERE state = 'delayed';
CREATE INDEX messages_reserved ON messages (id)         WHERE state = 'reserved';
CREATE INDEX messages_dead     ON messages (queue, id)  WHERE state = 'dead';
CREATE INDEX messages_expiring ON messages (expires_at) WHERE expires_at IS NOT NULL;

-- The last sequence number stored from each process: a message that is sent again is not stored again.
CREATE TABLE producers (
  recency INTEGER PRIMARY KEY,    -- grows with every batch
  process TEXT    NOT NULL UNIQUE,  -- BOOT ID:PID:START TIME
  seq     INTEGER NOT NULL
) STRICT;

CREATE TABLE paused (
  queue TEXT PRIMARY KEY            -- nothing is delivered from it
) STRICT, WITHOUT ROWID;

${IDENTITY}
CREATE VIEW queue_counts AS
  SELECT queue, state, count(*) AS messages, sum(length(body)) AS bytes
  FROM messages GROUP BY queue, state;

PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`;
