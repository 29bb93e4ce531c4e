-- Migration 6: what the queue is to be told of, without a look at all that it was told.
CREATE INDEX submission_untold ON submission (route, announced_until) WHERE state IN ('queued', 'sending', 'asking');
