-- Tokens of the API: of each only its hash.
CREATE TABLE api_token (
  name TEXT PRIMARY KEY,
  hash BLOB NOT NULL,          -- SHA-256 of what its bearer holds
  grants TEXT NOT NULL,        -- roles with enti and registers, JSON
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_token_hash ON api_token (hash);
