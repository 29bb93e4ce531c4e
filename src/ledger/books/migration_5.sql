-- Migration 5: which runs still select, seen at once however many runs there have been.
CREATE INDEX run_selecting ON run (route) WHERE selecting = 1;
