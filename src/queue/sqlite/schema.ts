/** `sigm`: distinguishes a store from any other SQLite file (PRAGMA application_id). */
export const APPLICATION_ID = 0x7369676d;
/** Version of the schema (PRAGMA user_version). Goes up with every change that an older sigmq cannot read. */
export const SCHEMA_VERSION = 4;

const INDEXES = `
CREATE INDEX messages_ready    ON messages (queue, priority DESC, position) WHERE state = 'ready';
CREATE INDEX messages_delayed  ON messages (due_at)                   WHERE state = 'delayed';
CREATE INDEX messages_reserved ON messages (id)                       WHERE state = 'reserved';
CREATE INDEX messages_dead     ON messages (queue, priority DESC, id) WHERE state = 'dead';
CREATE INDEX messages_expiring ON messages (expires_at)               WHERE expires_at IS NOT NULL;
`;

const PRODUCERS = `
-- The number of the last message stored from each process: one that is sent again is not stored again.
CREATE TABLE producers (
  recency INTEGER PRIMARY KEY,    -- grows with every batch
  process TEXT    NOT NULL UNIQUE,  -- BOOT ID:PID:START TIME
  number  INTEGER NOT NULL
) STRICT;
`;

/** Also added to stores that were made before it existed. */
const IDENTITY = `
CREATE TABLE IF NOT EXISTS identity (
  value TEXT NOT NULL               -- one row: tells this store from every other, whose ids are the same
) STRICT;
`;

const INCARNATIONS = `
-- Each time that a broker opened this store, the last ones. The row before names the predecessor.
CREATE TABLE incarnations (
  sequence  INTEGER PRIMARY KEY AUTOINCREMENT,
  number    INTEGER NOT NULL,       -- drawn at random: a copy of this file goes on under another one
  opened_at INTEGER NOT NULL        -- ms since 1970
) STRICT;
`;

const KEYS = `
CREATE UNIQUE INDEX messages_key ON messages (queue, key) WHERE key IS NOT NULL AND state <> 'dead';
-- Keys of messages that are done, as long as they are to be kept.
CREATE TABLE kept_keys (
  queue   TEXT    NOT NULL,
  key     TEXT    NOT NULL,
  message INTEGER,                  -- its id; NULL: it was imported
  until   INTEGER NOT NULL,
  PRIMARY KEY (queue, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_keys_until ON kept_keys (until);
`;

const DEAD_LETTERS = `
-- What holds for a queue instead of what holds for all of a broker.
CREATE TABLE queues (
  queue    TEXT PRIMARY KEY,
  settings TEXT NOT NULL            -- JSON: {"maxAttempts": 3, ...}
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_died    ON messages (died_at)        WHERE state = 'dead';
CREATE INDEX messages_died_in ON messages (queue, died_at) WHERE state = 'dead';
`;

const GROUPS = `
-- Each of them gets every message of its queue: its copies are in a queue of its name.
CREATE TABLE queue_groups (
  sequence INTEGER PRIMARY KEY,     -- the oldest first
  name     TEXT    NOT NULL UNIQUE  -- QUEUE@GROUP
) STRICT;
`;

const ASKS = `
CREATE INDEX messages_asked ON messages (asker) WHERE asker IS NOT NULL;
-- What became of messages whose senders wait to be told.
CREATE TABLE replies (
  asker   TEXT    PRIMARY KEY,      -- as in the message
  content BLOB    NOT NULL,         -- docs/protocol.md, section 9
  at      INTEGER NOT NULL
) STRICT;
CREATE INDEX replies_at ON replies (at);
`;

/** The comments stay in the file: `sqlite3 queue.db .schema` shows them. */
export const SCHEMA = `
CREATE TABLE messages (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
  queue       TEXT    NOT NULL,
  state       TEXT    NOT NULL CHECK (state IN ('ready', 'delayed', 'reserved', 'dead')),
  priority    INTEGER NOT NULL,            -- higher goes first
  position    INTEGER NOT NULL DEFAULT 0,  -- lower goes first: when it was ready first, 1024 of it are a ms since 1970
  body        BLOB    NOT NULL,
  headers     TEXT,                        -- JSON: [[name, value], ...]; NULL: none
  attempts    INTEGER NOT NULL DEFAULT 0,  -- that failed, ever
  spent       INTEGER NOT NULL DEFAULT 0,  -- those of them that count: a kick sets it to 0
  releases    INTEGER NOT NULL DEFAULT 0,  -- times that it was given back to be tried later
  deliveries  INTEGER NOT NULL DEFAULT 0,  -- times that a consumer took it and it came back
  enqueued_at INTEGER NOT NULL,            -- ms since 1970, as all times
  due_at      INTEGER,                     -- of a delayed one: when it gets ready
  expires_at  INTEGER,                     -- NULL: never, or it was taken in time
  consumer    TEXT,                        -- of a reserved one: PID:START TIME of the process that has it
  incarnation INTEGER,                     -- in which it was given out last
  key         TEXT,                        -- NULL: none; no other message of the queue has it that is not dead
  key_ttl     INTEGER,                     -- ms for which the key is kept once it is done; NULL: it is not
  max_attempts INTEGER,                    -- of its own; NULL: as its queue, or the broker, has it
  backoff     INTEGER,                     -- ms; the same
  dead_to     TEXT,                        -- the queue to which it goes when it is dead; the same
  died_at     INTEGER,                     -- of a dead one: since when it is
  failures    TEXT,                        -- JSON: [{"kind": "failed", "at": 0, ...}, ...]; NULL: none
  asker       TEXT                         -- who waits for a reply: PID:START TIME:NUMBER PLACE; NULL: nobody
) STRICT;
${INDEXES}${KEYS}${PRODUCERS}${DEAD_LETTERS}${GROUPS}${ASKS}
CREATE TABLE paused (
  queue TEXT PRIMARY KEY            -- nothing is delivered from it
) STRICT, WITHOUT ROWID;
${IDENTITY}${INCARNATIONS}
CREATE VIEW queue_counts AS
  SELECT queue, state, count(*) AS messages, sum(length(body)) AS bytes
  FROM messages GROUP BY queue, state;

PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** What brings a store of each version to the next one. */
export const UPGRADES: readonly string[] = [
  // From 1, in which the order was that of the ids. There, the numbers of producers had another meaning.
  `
ALTER TABLE messages ADD COLUMN position    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN attempts    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN releases    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN deliveries  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN incarnation INTEGER;
UPDATE messages SET position = enqueued_at * 1024, attempts = spent, deliveries = spent;
DROP INDEX messages_ready;
DROP INDEX messages_delayed;
DROP INDEX messages_reserved;
DROP INDEX messages_dead;
DROP INDEX messages_expiring;
DROP TABLE producers;
${INDEXES}${PRODUCERS}${IDENTITY}${INCARNATIONS}
PRAGMA user_version = 2;
`,
  `
ALTER TABLE messages ADD COLUMN key     TEXT;
ALTER TABLE messages ADD COLUMN key_ttl INTEGER;
${KEYS}
PRAGMA user_version = 3;
`,
  `
ALTER TABLE messages ADD COLUMN max_attempts INTEGER;
ALTER TABLE messages ADD COLUMN backoff      INTEGER;
ALTER TABLE messages ADD COLUMN dead_to      TEXT;
ALTER TABLE messages ADD COLUMN died_at      INTEGER;
ALTER TABLE messages ADD COLUMN failures     TEXT;
UPDATE messages SET died_at = unixepoch() * 1000 WHERE state = 'dead';
${DEAD_LETTERS}
${GROUPS}
ALTER TABLE messages ADD COLUMN asker TEXT;
${ASKS}
PRAGMA user_version = 4;
`,
];
