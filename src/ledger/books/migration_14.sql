-- Migration 14: how ready each flow was, now and then: the line over time that people look at.
CREATE TABLE readiness (
  at INTEGER NOT NULL,
  ente TEXT NOT NULL,
  flow TEXT NOT NULL,
  register TEXT NOT NULL,
  records INTEGER NOT NULL,
  ready INTEGER NOT NULL,
  PRIMARY KEY (at, ente, flow, register)
) STRICT, WITHOUT ROWID;
