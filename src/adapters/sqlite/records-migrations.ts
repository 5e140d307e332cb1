/** Brings `records.db` forward. A file of its own: the thread opens the database before it loads its query builder. */
export const RECORDS_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE webhooks (
    key TEXT PRIMARY KEY,
    event TEXT NOT NULL,
    call_id TEXT,
    signed_at REAL NOT NULL,
    received_at REAL NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX webhooks_by_call ON webhooks (call_id, event);

  -- AUTOINCREMENT here and below: a forgotten position is never given out again.
  CREATE TABLE outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL) STRICT;

  CREATE TABLE facts (
    call_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (call_id, epoch, seq)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE calls (
    call_id TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL,
    reason TEXT,
    turns INTEGER
  ) STRICT;
  CREATE INDEX calls_by_start ON calls (started_at);

  CREATE TABLE reports (call_id TEXT PRIMARY KEY, report TEXT NOT NULL) STRICT;

  CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    call_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    published_at REAL NOT NULL,
    UNIQUE (call_id, epoch, seq)
  ) STRICT;

  CREATE TABLE consumer_groups (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE deliveries (
    group_name TEXT NOT NULL,
    position INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    due_at REAL NOT NULL,
    is_out INTEGER NOT NULL,
    PRIMARY KEY (group_name, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX deliveries_by_call ON deliveries (group_name, call_id, position);

  CREATE TABLE dead_letters (
    group_name TEXT NOT NULL,
    position INTEGER NOT NULL,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    buried_at REAL NOT NULL,
    PRIMARY KEY (group_name, position)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- AUTOINCREMENT: the id of a job is never given out again.
  CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'held', 'dead')),
    due_at REAL NOT NULL,
    attempt INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    reason TEXT,
    failed_at REAL
  ) STRICT;
  CREATE INDEX jobs_due ON jobs (due_at) WHERE state = 'waiting';
  CREATE INDEX jobs_held ON jobs (id) WHERE state = 'held';
  CREATE INDEX jobs_dead ON jobs (failed_at) WHERE state = 'dead';
  CREATE INDEX jobs_by_key ON jobs (kind, key) WHERE state = 'waiting' AND key IS NOT NULL;

  -- place is the order they were opened in; what to dial is forgotten once nobody will be dialled for it.
  CREATE TABLE dials (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    request TEXT UNIQUE,
    fingerprint TEXT NOT NULL,
    what TEXT,
    state TEXT NOT NULL,
    call_id TEXT,
    reason TEXT,
    takes INTEGER NOT NULL,
    taken_at REAL,
    attempts INTEGER NOT NULL,
    opened_at REAL NOT NULL,
    changed_at REAL NOT NULL,
    due_at REAL NOT NULL
  ) STRICT;
  CREATE INDEX dials_by_state ON dials (state, place);
  CREATE INDEX dials_by_change ON dials (state, changed_at);
  CREATE INDEX dials_by_taking ON dials (taken_at);
  `,
];
