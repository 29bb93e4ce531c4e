-- Migration 4: what the register lets us do with a record, as its flow says: bit 0 replace, bit 1 cancel.
-- NULL is a record of before, for which each start fills it in (`set_powers`).
ALTER TABLE record ADD COLUMN powers INTEGER;
CREATE INDEX record_powerless ON record (flow) WHERE powers IS NULL;
ALTER TABLE record DROP COLUMN due_replace;
