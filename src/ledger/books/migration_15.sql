-- Migration 15: several processes over one ledger: which live, what each has taken on alone, and how
-- much all of them together use a route.
-- additive
CREATE TABLE node (
  id TEXT PRIMARY KEY,
  roles TEXT NOT NULL,         -- words with commas between them
  version TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,    -- by its own clock: to be shown, never to be judged by
  beats INTEGER NOT NULL       -- a number that no longer rises is a death
) STRICT, WITHOUT ROWID;

-- What one process at a time does; the fence rises with each that takes it.
CREATE TABLE duty (
  name TEXT PRIMARY KEY,
  node TEXT,                   -- NULL: nobody has it
  token TEXT,
  fence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The pace of a route: times in microseconds since the epoch.
CREATE TABLE pace (
  route TEXT PRIMARY KEY,
  next INTEGER NOT NULL,       -- nothing leaves before
  people_until INTEGER NOT NULL, -- until then somebody is thought to wait for a place
  bulk_until INTEGER NOT NULL,
  people INTEGER NOT NULL      -- places in a row that went to people
) STRICT, WITHOUT ROWID;
CREATE INDEX submission_leased ON submission (route) WHERE lease_token IS NOT NULL;

-- The ente of an operation, so that each gets its share of a route.
ALTER TABLE operation ADD COLUMN ente TEXT NOT NULL DEFAULT '';
UPDATE operation SET ente = (SELECT r.ente FROM record r WHERE r.id = operation.record)
  WHERE state NOT IN ('accepted', 'refused', 'superseded');
CREATE INDEX operation_share ON operation (route, ente, interactive, id) WHERE state = 'queued';

-- What every process of an installation must have alike, by a check value.
CREATE TABLE installation (
  name TEXT PRIMARY KEY,
  check_value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Proofs of possession that were used: none counts twice, whichever process it comes to.
CREATE TABLE used_proof (
  id BLOB PRIMARY KEY,         -- hash of key and number
  until INTEGER NOT NULL       -- seconds; later it is too old to be accepted anyway
) STRICT, WITHOUT ROWID;
CREATE INDEX used_proof_until ON used_proof (until);
