-- Migration 11: who may sign in to the console, and who is signed in.
CREATE TABLE account (
  name TEXT PRIMARY KEY,
  password TEXT NOT NULL,      -- argon2id, PHC string
  grants TEXT NOT NULL,        -- roles with enti and registers, JSON
  created_at INTEGER NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  locked_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  token BLOB PRIMARY KEY,      -- SHA-256 of what the browser holds
  account TEXT NOT NULL,
  began INTEGER NOT NULL,
  seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_account ON session (account);
