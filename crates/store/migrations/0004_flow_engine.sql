-- What a flow needs to run by itself, and what a run that nobody started by
-- hand has to know.

-- `activated_at_ms` and `next_due_ms` are there while a schedule runs the flow.
ALTER TABLE flow ADD COLUMN activated_at_ms BIGINT;
ALTER TABLE flow ADD COLUMN next_due_ms BIGINT;
-- How far the flow has pulled (JSON). It moves only in the transaction that
-- ends a run successfully; `cursor_epoch` counts how often it was forgotten, so
-- that a run which began before does not bring it back.
ALTER TABLE flow ADD COLUMN cursor TEXT;
ALTER TABLE flow ADD COLUMN cursor_epoch BIGINT NOT NULL DEFAULT 0;
-- Scheduled runs that failed in a row.
ALTER TABLE flow ADD COLUMN error_streak BIGINT NOT NULL DEFAULT 0;
-- When the first of the flow's queued runs was asked for; NULL when none is
-- queued. Whose turn it is, is read off an index, however many flows wait.
ALTER TABLE flow ADD COLUMN waiting_ms BIGINT;
CREATE INDEX flow_due ON flow (next_due_ms) WHERE next_due_ms IS NOT NULL;
CREATE INDEX flow_turn ON flow (last_claimed_ms, waiting_ms) WHERE waiting_ms IS NOT NULL;

ALTER TABLE run ADD COLUMN trigger TEXT NOT NULL DEFAULT 'OnDemand';
-- The ticks that the run stands for (JSON); `due_at_ms` is the first of them.
ALTER TABLE run ADD COLUMN ticks TEXT;
-- Half open: the start belongs to it, the end does not.
ALTER TABLE run ADD COLUMN window_start_ms BIGINT;
ALTER TABLE run ADD COLUMN window_end_ms BIGINT;
-- What was asked of this run only (JSON).
ALTER TABLE run ADD COLUMN options TEXT;
-- What becomes the flow's cursor when the run ends successfully (JSON).
ALTER TABLE run ADD COLUMN new_cursor TEXT;

UPDATE flow SET waiting_ms = (
    SELECT MIN(started_at_ms) FROM run
    WHERE run.account = flow.account AND run.flow = flow.name AND run.status = 'Queued'
);
