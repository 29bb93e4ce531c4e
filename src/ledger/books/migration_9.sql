-- Migration 9: with which key of an ente its pseudonyms were made, and which folder a pseudonym stands for.
CREATE TABLE pseudonym_key (
  ente TEXT NOT NULL,
  name TEXT NOT NULL,
  check_value BLOB NOT NULL,   -- tells keys apart, and gives none away
  since INTEGER NOT NULL,
  PRIMARY KEY (ente, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pseudonym (
  ente TEXT NOT NULL,
  register TEXT NOT NULL,
  hash BLOB NOT NULL,          -- of the pseudonym, keyed
  folder INTEGER NOT NULL REFERENCES folder (id),
  PRIMARY KEY (ente, register, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX pseudonym_folder ON pseudonym (folder, register);
