-- Migration 7: benefits by a keyed hash of person and code, so that one recorded in two folders is noticed.
CREATE TABLE benefit (
  hash BLOB NOT NULL,
  folder INTEGER NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
  item TEXT NOT NULL,          -- the intervention's id
  from_day TEXT NOT NULL,
  to_day TEXT NOT NULL,
  PRIMARY KEY (hash, folder, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX benefit_folder ON benefit (folder);
