-- Migration 2: containers that are pushed, with their attempts; what must be held first.
ALTER TABLE record ADD COLUMN needs TEXT;
ALTER TABLE operation ADD COLUMN replacement INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operation ADD COLUMN together INTEGER;
ALTER TABLE submission ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE submission ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE submission ADD COLUMN interactive INTEGER NOT NULL DEFAULT 0;
-- The queue was told of it; told again after this moment.
ALTER TABLE submission ADD COLUMN announced_until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX submission_due ON submission (route, interactive DESC, due) WHERE state IN ('queued', 'sending', 'asking');

-- One try to deliver, or to ask what became of an earlier one. Words and codes only.
CREATE TABLE attempt (
  submission INTEGER NOT NULL,
  number INTEGER NOT NULL,
  what TEXT NOT NULL,          -- send | ask
  began_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT,
  code TEXT,
  PRIMARY KEY (submission, number, what)
) STRICT, WITHOUT ROWID;

-- The breaker of a pushed route.
ALTER TABLE route ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE route ADD COLUMN open_until INTEGER;

-- The import that brought a folder last: within one import, the first line of an id stands.
ALTER TABLE folder ADD COLUMN import TEXT;

-- Cancels are counted as they are selected too: folders may be annulled while a run selects.
ALTER TABLE run ADD COLUMN hold_above INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN cancels INTEGER NOT NULL DEFAULT 0;
