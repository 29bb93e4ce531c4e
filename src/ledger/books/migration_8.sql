-- Migration 8: recipients that answer later; containers of many persons; what another register must hold first.
ALTER TABLE record ADD COLUMN needs_register TEXT; -- NULL: the record's own
ALTER TABLE record ADD COLUMN grouping TEXT;
-- The recipient's own number of a container that it has taken, and since when.
ALTER TABLE submission ADD COLUMN handle TEXT;
ALTER TABLE submission ADD COLUMN handed_at INTEGER;
