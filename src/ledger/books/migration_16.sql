-- Migration 16: erasures that were asked for and wait.
-- additive: who does not know it erases nobody, and finds who is erased by an empty key
ALTER TABLE folder ADD COLUMN erase_asked INTEGER;  -- when; NULL again once it is done
ALTER TABLE folder ADD COLUMN erase_actor TEXT;
CREATE INDEX folder_to_erase ON folder (id) WHERE erase_asked IS NOT NULL;
