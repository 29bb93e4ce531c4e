-- Migration 10: questions about persons, and what the answers propose for the folder.
CREATE TABLE inquiry (
  id INTEGER PRIMARY KEY,
  folder INTEGER NOT NULL REFERENCES folder (id),
  ente TEXT NOT NULL,
  register TEXT NOT NULL,
  route TEXT NOT NULL,
  flow TEXT NOT NULL,          -- the version that read the answer, or would
  actor TEXT NOT NULL,
  interactive INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  due INTEGER NOT NULL,
  lease_until INTEGER,
  lease_token TEXT,
  created_at INTEGER NOT NULL,
  asked_at INTEGER,
  ended_at INTEGER,
  code TEXT,                   -- words and codes only
  findings TEXT,               -- JSON; rules, places and texts, never a value
  answer BLOB                  -- sealed; for as long as answers are kept
) STRICT;
-- One open question about a person and register.
CREATE UNIQUE INDEX inquiry_open ON inquiry (folder, register) WHERE ended_at IS NULL;
CREATE INDEX inquiry_due ON inquiry (route, interactive DESC, due) WHERE ended_at IS NULL;
CREATE INDEX inquiry_folder ON inquiry (folder, register, ended_at);
CREATE INDEX inquiry_kept ON inquiry (route, ended_at) WHERE answer IS NOT NULL;
CREATE INDEX inquiry_over ON inquiry (route, ended_at) WHERE ended_at IS NOT NULL;

-- A route's questions of a day, when it rests, and where its schedule looks next.
CREATE TABLE inquiry_route (
  route TEXT PRIMARY KEY,
  day TEXT NOT NULL,
  asked INTEGER NOT NULL,
  rest_until INTEGER NOT NULL DEFAULT 0,
  rest_why TEXT,
  cursor INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE proposal (
  id INTEGER PRIMARY KEY,
  folder INTEGER NOT NULL REFERENCES folder (id),
  register TEXT NOT NULL,
  flow TEXT NOT NULL,
  inquiry INTEGER NOT NULL REFERENCES inquiry (id),
  number INTEGER NOT NULL,     -- within its inquiry
  field TEXT NOT NULL,         -- the folder's field, as its schema names it
  item BLOB NOT NULL,          -- keyed hash of the list element's key; empty outside lists
  value BLOB NOT NULL,         -- keyed hash of the proposed value
  sealed BLOB NOT NULL,        -- key, old and new value
  place TEXT NOT NULL,         -- where it stands in the answer
  state TEXT NOT NULL,         -- proposed | accepted | declined | superseded
  proposed_at INTEGER NOT NULL,
  decided_at INTEGER,
  actor TEXT,
  held_at INTEGER              -- since when the folder holds the value
) STRICT;
CREATE INDEX proposal_live ON proposal (folder, register) WHERE state != 'superseded' AND held_at IS NULL;
CREATE INDEX proposal_folder ON proposal (folder, id);
CREATE INDEX proposal_over ON proposal (proposed_at) WHERE state = 'superseded' OR held_at IS NOT NULL;
