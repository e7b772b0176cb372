-- The history of all runs is searched by time, the newest first; the identifier
-- settles the order of those of one millisecond.
CREATE INDEX run_started ON run (account, started_at_ms, id);
