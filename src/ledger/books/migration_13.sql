-- Migration 13: what an operator watches: alerts, traces, the watcher's memory; and what searches go by.
CREATE TABLE watch (
  name TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  value TEXT NOT NULL          -- counts and ids only
) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  cause TEXT NOT NULL,         -- what it is grouped by: ids only
  since INTEGER NOT NULL,      -- the condition holds since then
  began_at INTEGER,            -- told; NULL while it may still pass by itself
  ended_at INTEGER,
  count INTEGER NOT NULL,
  detail TEXT NOT NULL         -- numbers and ids, JSON
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (kind, cause) WHERE ended_at IS NULL;
CREATE INDEX alert_ended ON alert (ended_at) WHERE ended_at IS NOT NULL;

-- What a sink is still to be told; a row goes once the sink took it.
CREATE TABLE telling (
  alert INTEGER NOT NULL,
  what TEXT NOT NULL,          -- begins | ends
  sink TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  due INTEGER NOT NULL,
  PRIMARY KEY (alert, what, sink)
) STRICT, WITHOUT ROWID;

-- To which trace (W3C) a run and a container belong.
CREATE TABLE trace (
  kind TEXT NOT NULL,          -- run | submission
  id INTEGER NOT NULL,
  parent TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX record_by_key ON record (key);
CREATE INDEX folder_by_id ON folder (folder_id);
-- States that few operations are in at a time; the others are found by walking.
CREATE INDEX operation_rare ON operation (state, id) WHERE state IN ('refused', 'superseded', 'uncertain', 'parked');
CREATE INDEX operation_route ON operation (route, id);
CREATE INDEX receipt_code ON receipt (code, operation) WHERE operation IS NOT NULL;
