-- Migration 3: the calendar's memory; runs that are replayed or cancelled.
CREATE TABLE calendar (
  id TEXT PRIMARY KEY,
  cron TEXT NOT NULL,          -- as last seen: another one begins anew
  seen_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Each firing of a calendar, for each ente once.
CREATE TABLE firing (
  calendar TEXT NOT NULL,
  at INTEGER NOT NULL,
  ente TEXT NOT NULL,
  what TEXT NOT NULL,          -- started | missed | failed
  run INTEGER,
  period TEXT NOT NULL,
  period_end TEXT NOT NULL,
  noted_at INTEGER NOT NULL,
  passed_over INTEGER NOT NULL,
  why TEXT,
  PRIMARY KEY (calendar, at, ente)
) STRICT, WITHOUT ROWID;

ALTER TABLE run ADD COLUMN kind TEXT NOT NULL DEFAULT 'report'; -- report | sync | replay
ALTER TABLE run ADD COLUMN filter TEXT;      -- of a replay: ids and words only, JSON
ALTER TABLE run ADD COLUMN changes TEXT;     -- of a replay: what it found, counted, JSON
ALTER TABLE run ADD COLUMN cancelled_at INTEGER;
ALTER TABLE run ADD COLUMN cancelling INTEGER NOT NULL DEFAULT 0;
