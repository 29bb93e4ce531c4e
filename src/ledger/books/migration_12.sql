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

-- Requests that are done once (Idempotency-Key), for a day.
CREATE TABLE api_request (
  caller TEXT NOT NULL,
  key BLOB NOT NULL,           -- SHA-256 of the key
  request BLOB NOT NULL,       -- SHA-256 of method, path and body
  at INTEGER NOT NULL,
  run INTEGER,                 -- what it opened, stored with its effect
  status INTEGER,
  wrapped_key BLOB,
  answer BLOB,                 -- sealed
  PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_request_at ON api_request (at);
