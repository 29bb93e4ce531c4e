-- Migration 1. Times are milliseconds since the epoch, days ISO dates, hashes 32-byte blobs.
CREATE TABLE folder (
  id INTEGER PRIMARY KEY,
  ente TEXT NOT NULL,
  folder_id TEXT NOT NULL,
  version INTEGER,
  wrapped_key BLOB NOT NULL,
  person BLOB NOT NULL,
  content BLOB NOT NULL,
  body BLOB NOT NULL,          -- sealed
  saved_at INTEGER NOT NULL,
  look_again TEXT,
  UNIQUE (ente, folder_id)
) STRICT;
CREATE INDEX folder_person ON folder (person);
CREATE INDEX folder_look ON folder (look_again) WHERE look_again IS NOT NULL;

CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  ente TEXT NOT NULL,
  register TEXT NOT NULL,
  flow TEXT NOT NULL,
  folder INTEGER NOT NULL REFERENCES folder (id),
  key TEXT NOT NULL,
  source TEXT NOT NULL,
  from_day TEXT NOT NULL,
  to_day TEXT NOT NULL,
  desired TEXT NOT NULL,       -- nothing | present | set_aside | vanished | annulled | changed | complete
  desired_content BLOB,
  desired_key BLOB,
  held_content BLOB,
  held_key BLOB,
  held_generation INTEGER,
  current INTEGER,
  refused_kind TEXT,
  refused_content BLOB,
  generation INTEGER NOT NULL DEFAULT 0,
  due_route TEXT,
  due_interactive INTEGER,
  due_replace INTEGER,
  trouble TEXT,
  rows BLOB,                   -- mapping rows that fired, a bitmap
  UNIQUE (folder, register, key)
) STRICT;
-- A run walks the records of an ente in the order of their ids, chunk after chunk.
CREATE INDEX record_scope ON record (ente, register);
CREATE INDEX record_held ON record (ente, register, held_key) WHERE held_key IS NOT NULL;
CREATE INDEX record_key ON record (ente, register, desired_key) WHERE desired_key IS NOT NULL;

-- Fragments, sealed under the folder's key; kept while desired, held or carried by an open operation.
CREATE TABLE payload (
  record INTEGER NOT NULL,
  content BLOB NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (record, content)
) STRICT, WITHOUT ROWID;

CREATE TABLE finding (
  folder INTEGER NOT NULL,
  flow TEXT NOT NULL,
  record TEXT,
  severity TEXT NOT NULL,
  rule TEXT NOT NULL,
  finding TEXT NOT NULL
) STRICT;
CREATE INDEX finding_folder ON finding (folder, flow);
CREATE INDEX finding_rule ON finding (rule);

CREATE TABLE operation (
  id INTEGER PRIMARY KEY,
  record INTEGER NOT NULL REFERENCES record (id),
  generation INTEGER NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  content BLOB NOT NULL,
  register_key BLOB NOT NULL,
  route TEXT NOT NULL,
  interactive INTEGER NOT NULL,
  queued_at INTEGER NOT NULL,
  submission INTEGER,
  UNIQUE (record, generation)
) STRICT;
CREATE INDEX operation_open ON operation (route, state, interactive DESC, id)
  WHERE state IN ('queued', 'sending', 'retrying', 'waiting');
CREATE INDEX operation_doubt ON operation (state) WHERE state IN ('uncertain', 'parked');
CREATE INDEX operation_submission ON operation (submission) WHERE submission IS NOT NULL;

CREATE TABLE transition (
  operation INTEGER NOT NULL,
  at INTEGER NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  cause TEXT NOT NULL
) STRICT;
CREATE INDEX transition_operation ON transition (operation);

CREATE TABLE claim (
  ente TEXT NOT NULL,
  register TEXT NOT NULL,
  key BLOB NOT NULL,
  record INTEGER NOT NULL,
  PRIMARY KEY (ente, register, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE route (
  id TEXT PRIMARY KEY,
  last_given INTEGER NOT NULL,
  last_since INTEGER,
  last_polled INTEGER,
  suspended TEXT,
  gap_from INTEGER,
  gap_to INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE progressive (
  route TEXT NOT NULL,
  day TEXT NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (route, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE submission (
  id INTEGER PRIMARY KEY,
  route TEXT NOT NULL,
  name TEXT NOT NULL,
  timestamp INTEGER NOT NULL,
  state TEXT NOT NULL,
  lease_until INTEGER,
  lease_token TEXT,
  UNIQUE (name)
) STRICT;
CREATE INDEX submission_out ON submission (route, timestamp) WHERE state = 'out';
CREATE INDEX submission_queued ON submission (route, id) WHERE state = 'queued';

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  ente TEXT NOT NULL,
  register TEXT NOT NULL,
  flow TEXT NOT NULL,
  period TEXT NOT NULL,
  until_day TEXT,
  folder INTEGER,
  route TEXT NOT NULL,
  interactive INTEGER NOT NULL,
  hold INTEGER NOT NULL,       -- cancels are held for approval
  started_at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  selecting INTEGER NOT NULL,
  cursor INTEGER NOT NULL DEFAULT 0,
  selected INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE run_row (
  run INTEGER NOT NULL,
  record INTEGER NOT NULL,
  bucket TEXT NOT NULL,
  open INTEGER NOT NULL,
  PRIMARY KEY (run, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_row_open ON run_row (record) WHERE open = 1;

CREATE TABLE receipt (
  id INTEGER PRIMARY KEY,
  route TEXT NOT NULL,
  operation INTEGER,
  name TEXT NOT NULL,
  timestamp INTEGER NOT NULL,
  code TEXT NOT NULL,
  text BLOB,                   -- sealed
  acquired_as TEXT,
  what TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX receipt_name ON receipt (route, name);
CREATE INDEX receipt_operation ON receipt (operation);
CREATE INDEX receipt_foreign ON receipt (route, at) WHERE operation IS NULL;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  event TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;

-- What a former system's files say the register holds and no folder maps to.
CREATE TABLE unmatched (
  ente TEXT NOT NULL,
  register TEXT NOT NULL,
  key BLOB NOT NULL,
  name TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (ente, register, key)
) STRICT, WITHOUT ROWID;
